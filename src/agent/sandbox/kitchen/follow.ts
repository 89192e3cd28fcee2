import { randomBytes } from "node:crypto"
import { within } from "../../../lib/clock.ts"
import { Capture, type CaptureLimits } from "../capture.ts"
import { redactor } from "../redact.ts"
import type { Interruption, ShellResult } from "../shell.ts"
import type { ExecProcess } from "./exec.ts"
import { type Report, reportReader } from "./report.ts"

/** Everything that is heard of one command: what it prints, and what the supervisor reports between. */
export interface Hearing {
  mark: string
  capture: Capture
  /** Who runs in the kitchen, once the supervisor has said so. */
  start?: Extract<Report, { kind: "start" }>
  push(chunk: Uint8Array): void
  /** What was held back is output after all. */
  end(): void
  overflow: Promise<void>
  /** How the command ended, from the supervisor. */
  verdict: Promise<Verdict>
}

export type Verdict = Exclude<Report, { kind: "start" }>

export function listen(limits: CaptureLimits, secrets: string[]): Hearing {
  const capture = new Capture(limits)
  const redact = redactor(secrets)
  const overflow = Promise.withResolvers<void>()
  const verdict = Promise.withResolvers<Verdict>()
  const mark = randomBytes(16).toString("hex")
  const reader = reportReader(mark, {
    output(bytes) {
      capture.add(redact.push(bytes))
      if (capture.overflowed) overflow.resolve()
    },
    report(report) {
      if (report.kind === "start") hearing.start = report
      else verdict.resolve(report)
    },
  })
  const end = () => {
    reader.end()
    capture.add(redact.end())
  }
  const hearing: Hearing = {
    mark,
    capture,
    push: reader.push,
    end,
    overflow: overflow.promise,
    verdict: verdict.promise,
  }
  return hearing
}

export interface FollowBounds {
  timeout_ms: number
  /** How long the supervisor may take to end a command, from the order or the time-out to its last word. */
  ending_ms: number
  signal?: AbortSignal | undefined
}

/** How a command ended. It is `lost` when the supervisor had no last word: it was killed, or is stopped. */
export type End = Pick<ShellResult, "exit_code" | "signal" | "ended_by" | "left_running"> & { lost: boolean }

/** From the start of a command to the last of its output. Undefined when it never ran; then the output says why. */
export async function follow(process: ExecProcess, hearing: Hearing, bounds: FollowBounds): Promise<End | undefined> {
  const abort = Promise.withResolvers<"interrupted">()
  const interrupt = () => abort.resolve("interrupted")
  bounds.signal?.addEventListener("abort", interrupt, { once: true })
  if (bounds.signal?.aborted) interrupt()
  try {
    const last_word = Promise.race([hearing.verdict, process.closed.then(() => "closed" as const)])
    const order = Promise.race([abort.promise, hearing.overflow.then(() => "output_limit" as const)])
    const patience = { timeout_ms: bounds.timeout_ms + bounds.ending_ms }
    const first = await within(Promise.race([last_word, order]), patience)
    if (first !== "interrupted" && first !== "output_limit") return conclude(hearing, first, "timeout")
    process.endInput()
    return conclude(hearing, await within(last_word, { timeout_ms: bounds.ending_ms }), first)
  } finally {
    bounds.signal?.removeEventListener("abort", interrupt)
    process.release()
    hearing.end()
  }
}

// internal

/** `because` is why the command was to end, if it did not end by itself. */
function conclude(
  { start, capture }: Hearing,
  last_word: Verdict | "closed" | undefined,
  because: Interruption,
): End | undefined {
  if (last_word === undefined) return { ...KILLED, ended_by: because }
  if (last_word === "closed") return start && { ...KILLED, ended_by: because === "timeout" ? "exit" : because }
  if (last_word.kind === "failed") {
    capture.add(Buffer.from(`${last_word.reason}\n`))
    return undefined
  }
  const { cause, exit_code, signal, left } = last_word
  const ended_by = cause === "asked" ? because : cause
  return { exit_code, signal, ended_by, ...(left > 0 && { left_running: left }), lost: false }
}

/** What ends a supervisor is KILL, for it is deaf to everything else. */
const KILLED = { exit_code: null, signal: "SIGKILL", lost: true }
