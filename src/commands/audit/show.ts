import { describe } from "../../audit/describe.ts"
import { findLog } from "../../audit/find.ts"
import { type Story, tellStory } from "../../audit/story.ts"
import { defineCommand } from "../../lib/command.ts"
import { CheckFailed } from "../../lib/errors.ts"
import { paint, print, printJson, safeText } from "../../lib/output.ts"
import type { Event } from "../../store/events.ts"
import { stateWord } from "../../store/labs.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"

export default defineCommand({
  about:
    "What happened in a trial, a session or a lab, as a timeline: observations, tickets, reasons, commands, outputs. Exit 3 when the log was altered.",
  examples: [
    "operator audit show last",
    "operator audit show ratelimiter-7f",
    "operator audit show last --json --db artefact.db",
  ],
  args: {
    id: {
      type: "positional",
      complete: "log",
      description: "a trial, session, lab or ticket, or the beginning of its id; or `last`",
    },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const story = tellStory(store, findLog(store, args.id))
    store.close()
    if (args.json) printJson(story)
    else printStory(story)
    if (story.chain.intact) return
    throw new CheckFailed(
      `the log of ${story.lab?.id} was altered at event ${story.chain.seq}: ${story.chain.reason}`,
      {
        hint: "only what stands before it is proven; compare the rest with an earlier copy of the store",
      },
    )
  },
})

// internal

const INDENT = " ".repeat(24)

function printStory(story: Story): void {
  printHead(story)
  print("")
  let proven = true
  const several = story.events.filter(({ kind }) => kind === "injection.planned").length > 1
  for (const event of story.events) {
    if (proven && !story.chain.intact && event.seq >= story.chain.seq) {
      proven = false
      print(
        paint(process.stdout).red(`from here on nothing is proven: event ${story.chain.seq}: ${story.chain.reason}`),
      )
    }
    printEvent(event, story.zero_ms, several)
  }
}

function printHead({ lab, trial, verdict, reasons, chain }: Story): void {
  const { bold, red } = paint(process.stdout)
  if (trial) {
    const where = trial.target === "all" ? trial.fault : `${trial.fault} at ${trial.target}`
    print(bold(`${trial.subject} · ${where} · ${trial.variant}`))
    print(`trial ${trial.id}, repetition ${trial.repetition}, attempt ${trial.attempt}, seed ${trial.seed}`)
  }
  if (lab) print(`lab ${lab.id}, ${stateWord(lab)}`)
  else if (trial) print(`no lab; ${trial.stage}${trial.reason === null ? "" : `: ${safeText(trial.reason)}`}`)
  if (verdict !== null) print(`verdict ${bold(verdict)}: ${safeText(reasons.join("; "))}`)
  if (!chain.intact) print(red(`THIS LOG WAS ALTERED at event ${chain.seq}: ${chain.reason}`))
}

/** Of several faults each line names its own. */
function printEvent(event: Event, zero_ms: number, several: boolean): void {
  const { dim } = paint(process.stdout)
  const line = describe(event)
  if (!line) return
  const whose =
    several && event.kind !== "injection.planned" && "injection" in event.body ? `${event.body.injection} ` : ""
  const label = safeText(line.label).padEnd(11)
  const painted = COLOURED[line.label] ? paintLabel(line.label, label) : dim(label)
  print(`${offset(event.mono_ms - zero_ms).padStart(10)}  ${painted} ${indented(whose + line.text)}`)
  if (line.detail) print(dim(INDENT + indented(line.detail.trimEnd())))
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
