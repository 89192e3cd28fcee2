import { describe, type Line } from "../../audit/describe.ts"
import { oneLine, paint, print, showTime } from "../../lib/output.ts"
import { clipped } from "../../lib/text.ts"
import { chainHead, type Event, events } from "../../store/events.ts"
import type { EventKind } from "../../store/kinds.ts"
import type { Store } from "../../store/open.ts"

/** What becomes of a lab's tickets under an agent. */
const SHOWN: readonly EventKind[] = [
  "session.claimed",
  "model.failed",
  "command",
  "result",
  "session.ended",
  "session.verified",
  "ticket.escalated",
]

const LOOK_EVERY_MS = 100

/** The longest line of a command that is shown; the log has it whole. */
const COMMAND_CHARS = 160

/** Prints what an agent does on a lab from now on, a line for each event, until the returned function is called. */
export function followAgent(store: Store, lab: string, options: { json: boolean }): () => void {
  let after = chainHead(store, lab).seq
  const showNew = () => {
    for (const event of events(store, lab, { after, kinds: SHOWN })) {
      after = event.seq
      if (options.json) print(JSON.stringify({ at: event.at, kind: event.kind, lab, ...event.body }))
      else show(event)
    }
  }
  const timer = setInterval(showNew, LOOK_EVERY_MS)
  return () => {
    clearInterval(timer)
    showNew()
  }
}

// internal

function show(event: Event): void {
  const line = describe(event)
  if (!line) return
  const { red, green, yellow, cyan, dim } = paint(process.stdout)
  const colours: Record<string, typeof dim> = { agent: cyan, ticket: yellow, monitor: isGood(event) ? green : red }
  const colour = colours[line.label] ?? dim
  print(`${showTime(event.at)}  ${event.lab}  ${colour(line.label.padEnd(9))} ${inOneLine(event, line)}`)
}

function isGood({ kind, body }: Event): boolean {
  return kind === "session.verified" && "verified" in body && body.verified
}

/** A command stands beside its reason. Of a result only the end is told. */
function inOneLine({ kind }: Event, { text, detail }: Line): string {
  if (kind !== "command" || detail === undefined) return oneLine(text)
  return `${oneLine(text)}  ${clipped(oneLine(detail), COMMAND_CHARS)}`
}
