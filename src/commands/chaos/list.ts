import { BUILT_IN, findFault } from "../../chaos/catalogue.ts"
import type { AnyFault } from "../../chaos/fault.ts"
import { defineCommand } from "../../lib/command.ts"
import { listFiles } from "../../lib/listing.ts"
import { note, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { readSubject } from "../../lab/parse-subject.ts"

export default defineCommand({
  about: "The faults: those that every subject may use, and those that a subject declares itself.",
  examples: ["operator chaos list", "operator chaos list --json"],
  args: {},
  run: async ({ args }) => {
    const faults = [...builtIn(), ...(await declared())]
    if (args.json) return printJson(faults)
    printTable(faults, [
      { title: "FAULT", value: (fault) => fault.name },
      { title: "SUBJECT", value: (fault) => fault.subject ?? "any" },
      { title: "PLATFORMS", value: (fault) => fault.platforms.join(" ") },
      { title: "ABOUT", value: (fault) => fault.about, flexible: true },
    ])
  },
})

// internal

function builtIn() {
  return BUILT_IN.map((fault) => outlined(fault, null))
}

function outlined({ name, about, platforms, heals_itself }: AnyFault, subject: string | null) {
  return { name, subject, platforms, heals_itself, about }
}

async function declared(): Promise<ReturnType<typeof builtIn>> {
  const listed = await listFiles("compose", "subject", readSubject)
  return listed.flatMap(({ name, problem, value: subject }) => {
    if (problem !== undefined) note(`${name}: ${problem}`)
    return Object.entries(subject?.faults ?? {}).flatMap(([fault, { declared }]) =>
      declared ? [outlined(findFault(fault, subject!), subject!.name)] : [],
    )
  })
}
