import { describe } from "../../audit/describe.ts"
import { findLog } from "../../audit/find.ts"
import { type Story, tellStory } from "../../audit/story.ts"
import { defineCommand } from "../../lib/command.ts"
import { paint, print, printJson, safeText } from "../../lib/output.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"

export default defineCommand({
  about:
    "What happened in a trial, a session or a lab, as a timeline: observations, tickets, reasons, commands, outputs.",
  examples: [
    "operator audit show last",
    "operator audit show ratelimiter-7f",
    "operator audit show last --json --db artefact.db",
  ],
  args: {
    id: { type: "positional", description: "a trial, session, lab or ticket, or the beginning of its id; or `last`" },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const story = tellStory(store, findLog(store, args.id))
    if (args.json) printJson(story)
    else printStory(story)
    store.close()
  },
})

// internal

const INDENT = " ".repeat(24)

function printStory(story: Story): void {
  const { bold, dim, red } = paint(process.stdout)
  const { lab, trial } = story
  if (trial) {
    const where = trial.target === "all" ? trial.fault : `${trial.fault} at ${trial.target}`
    print(bold(`${trial.subject} · ${where} · ${trial.variant}`))
    print(`trial ${trial.id}, repetition ${trial.repetition}, attempt ${trial.attempt}, seed ${trial.seed}`)
  }
  print(`lab ${lab.id}, ${lab.state}`)
  if (story.verdict !== undefined) print(`verdict ${bold(story.verdict)}: ${safeText(story.reasons.join("; "))}`)
  if (!story.chain.intact) print(red(`this log was altered: ${story.chain.reason}`))
  print("")
  for (const event of story.events) {
    const line = describe(event)
    if (!line) continue
    const label = safeText(line.label).padEnd(11)
    print(
      `${offset(event.mono_ms - story.zero_ms).padStart(10)}  ${COLOURED[line.label] ? paintLabel(line.label, label) : dim(label)} ${indented(line.text)}`,
    )
    if (line.detail) print(dim(INDENT + indented(line.detail.trimEnd())))
  }
}

/** The labels that somebody skims for. */
const COLOURED: Record<string, "red" | "green" | "yellow" | "cyan"> = {
  violated: "red",
  ok: "green",
  unknown: "yellow",
  ticket: "yellow",
  fault: "red",
  agent: "cyan",
}

function paintLabel(label: string, text: string): string {
  return paint(process.stdout)[COLOURED[label] ?? "dim"](text)
}

function offset(duration_ms: number): string {
  return `${duration_ms < 0 ? "−" : "+"}${(Math.abs(duration_ms) / 1_000).toFixed(3)} s`
}

function indented(text: string): string {
  return safeText(text).replaceAll("\n", `\n${INDENT}`)
}
