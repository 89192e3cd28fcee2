import { showDuration } from "../lib/duration.ts"
import { type Event, events } from "../store/events.ts"
import type { Store } from "../store/open.ts"
import type { Lease } from "../store/sessions.ts"
import { Capture } from "./sandbox/capture.ts"

/** A command that has ended, and what it printed, less secrets. */
export interface Printed {
  step: number
  call: string
  command: string
  reasoning: string
  output: Uint8Array
}

/** What a model is asked to sum up of an output. Bounded, whatever was printed. */
export function outputText({ command, reasoning, output }: Printed): string {
  const [reason, line] = [cut(reasoning, SHORT_BYTES), cut(command, SHORT_BYTES)]
  return `Reason: ${reason}\nCommand: ${line}\nIt printed:\n\n${cut(output, SENT_BYTES)}`
}

/** A session from its events, in order: the page, what was said, the commands, its end. Bounded; empty when nothing was said or done. */
export function sessionText(store: Store, { lab, session }: Lease): string {
  const own = events(store, lab, { kinds: KINDS }).filter((event) => event.session === session) as Told[]
  if (!own.some(({ kind }) => kind === "message")) return ""
  return cut(own.flatMap(tell).join("\n\n"), SENT_BYTES)
}

/** Whether a summary is worth having: what is not much shorter than the text is read no faster. */
export function isShorter(summary: string, text: string): boolean {
  return Buffer.byteLength(summary) < Buffer.byteLength(text) / 2
}

// internal

/** Of what is sent, at most this much. No token is less than a byte, so that a prompt stays below 100,000, where Haiku's price jumps. */
const SENT_BYTES = 92 * 1024

/** Of a command and its reason, and of what one command of a session printed: what matters of it is mostly in what is said next. */
const SHORT_BYTES = 1_000

const KINDS = ["page", "message", "command", "result", "session.ended"] as const

type Told = { [K in (typeof KINDS)[number]]: Event<K> }[(typeof KINDS)[number]]

/** Whole when short, else as much of the beginning as of the end, around a line that says how much was left out. */
function cut(text: Uint8Array | string, most_bytes: number): string {
  const end_bytes = most_bytes / 2
  const capture = new Capture({ kept_bytes: most_bytes, head_bytes: end_bytes, tail_bytes: end_bytes })
  capture.add(typeof text === "string" ? Buffer.from(text) : text)
  return capture.shown()
}

/** An event in words, for a model. None when it says nothing of its own. */
function tell({ kind, body }: Told): string[] {
  switch (kind) {
    case "page":
      return [`Page:\n${body.text}`]
    case "message": {
      const said = body.text === "" ? (body.thinking ?? "") : body.text
      return said === "" ? [] : [`Step ${body.step}, said:\n${said}`]
    }
    case "command":
      return [`Step ${body.step}, reason: ${body.reasoning}\n$ ${body.command}`]
    case "result": {
      const took = `${showDuration(body.duration_ms)}, ${body.output_bytes} bytes`
      return [`Step ${body.step}, ${howEnded(body)} after ${took}:\n${cut(body.shown, SHORT_BYTES)}`.trimEnd()]
    }
    case "session.ended":
      return [`The session's end, after ${body.steps} steps: ${JSON.stringify(body.outcome)}`]
    default:
      return kind satisfies never
  }
}

function howEnded({ ended_by, exit_code, signal }: Event<"result">["body"]): string {
  if (ended_by !== "exit") return ended_by
  return signal === null ? `exit ${exit_code}` : `killed by ${signal}`
}
