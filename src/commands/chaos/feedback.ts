import type { rehearse, Told } from "../../chaos/by-hand.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, paint, print, safeText, showTimeOfDay } from "../../lib/output.ts"

/** Says while it happens what becomes of a fault. */
export function tellProgress(told: Told): void {
  const { dim, green, red, yellow } = paint(process.stderr)
  switch (told.step) {
    case "planned": {
      const { fault, targets } = told.injection
      return note(`${fault}${targets.length > 0 ? ` at ${targets.join(", ")}` : ""}`)
    }
    case "injected":
      return note(dim(`injected after ${showDuration(told.took_ms)}; looking whether it is felt`))
    case "confirmed": {
      const colour = { confirmed: green, inconclusive: yellow, ineffective: red }[told.confirmation]
      return note(`${colour(told.confirmation)} after ${showDuration(told.took_ms)}: ${safeText(told.evidence)}`)
    }
    case "waiting":
      return note(`until ${showTimeOfDay(told.expires_at)} UTC; Ctrl-C undoes it at once`)
    case "undone":
      return note(told.phase === "failed" ? red("it could not be undone") : `undone: ${told.phase}`)
    default:
      throw new Error(`nobody knows the step ${told satisfies never}`)
  }
}

/** What an injection would do, for people. */
export function printRehearsal({
  fault,
  lab,
  targets,
  params,
  steps,
  plan,
}: Awaited<ReturnType<typeof rehearse>>): void {
  const { bold, dim } = paint(process.stdout)
  print(bold(`${fault} in ${lab}`))
  const part = (title: string, lines: readonly string[]) => {
    for (const [place, line] of lines.entries())
      print(`  ${dim((place === 0 ? title : "").padEnd(12))}${safeText(line)}`)
  }
  part("targets", targets.length > 0 ? targets : ["the lab as a whole"])
  part(
    "parameters",
    Object.entries(params).map(
      ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
  )
  part("does", steps?.inject ?? JSON.stringify(plan, null, 2).split("\n"))
  if (steps) part("undo", steps.undo)
  note("nothing was done: it was a rehearsal")
}
