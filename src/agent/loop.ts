import { EnvironmentError, messageOf } from "../lib/errors.ts"
import type { Outcome } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { type Lease, renewLease, type SessionEnd } from "../store/sessions.ts"
import { type Batch, openBatch } from "./batch.ts"
import { LEASE_MS, type Meter, type SessionLimits, startMeter } from "./limits.ts"
import { NoTurn } from "./model/failure.ts"
import {
  type Block,
  type FailedAttempt,
  type Message,
  type Model,
  readContent,
  type ToolUse,
  type Turn,
} from "./model/model.ts"
import { readShellInput } from "./model/shell-input.ts"
import { openPurse, type Purse, type SetAside } from "./purse.ts"
import { readReport } from "./report.ts"
import { describeEnd, type Shell } from "./sandbox/shell.ts"
import { afterTurn } from "./stop.ts"
import type { Printed } from "./summarise-text.ts"
import { openTranscript, type Transcript } from "./transcript.ts"

/** Everything that one conversation needs. What it says and does goes to the lab's log, before it happens. */
export interface Conversation {
  store: Store
  lease: Lease
  model: Model
  shell: Shell
  limits: SessionLimits
  /** The first message: the lab and its tickets. */
  page: string
  /** What has happened since it was last asked; reaches the model with the next result. */
  news(): string
  /** Is told of each command that has ended; nothing waits for what it does. */
  onResult?: ((printed: Printed) => void) | undefined
  /** A person, a signal or the end of the trial stops the session. */
  signal: AbortSignal
}

/** Lets the model work until it ends, or a limit or somebody ends it. Each end has its name in `outcome`. */
export async function converse(conversation: Conversation): Promise<SessionEnd> {
  const { store, lease, model, limits, page } = conversation
  const meter = startMeter(limits, store.clock)
  const batch = openBatch(store)
  const desk = { meter, batch, purse: openPurse(store, lease, limits.usd), transcript: openTranscript(store, lease) }
  const history: Message[] = [{ role: "user", content: [{ type: "text", text: page }] }]
  const end = (outcome: Outcome, report: string | null = null): SessionEnd => {
    const { steps, cost_usd, totals } = meter
    const diagnosis = report === null ? {} : { diagnosis: { ...readReport(report) } }
    return { outcome, steps, cost_usd, report, totals, ...diagnosis }
  }

  desk.transcript.page(model.system, page)
  try {
    while (true) {
      const over = whyOver(conversation, meter)
      if (over) return end(over)
      const answer = await ask(conversation, history, desk)
      if (answer.kind === "none") return end(answer.outcome)
      const { turn } = answer
      history.push({ role: "assistant", content: turn.content })

      const next = afterTurn(turn)
      if (next.kind === "end") return end(next.outcome, readContent(turn.content).text)
      if (next.kind === "ask_again") continue
      const results = await runCalls(conversation, turn, desk)
      if (results === "lease_lost") return end({ kind: "halted", reason: "another session took the lab over" })
      history.push({ role: "user", content: results })
    }
  } finally {
    batch.now(() => {})
  }
}

// internal

/** What a conversation counts with, pays with and writes on. */
interface Desk {
  meter: Meter
  batch: Batch
  purse: Purse
  transcript: Transcript
}

/** What ends a session from outside of the conversation. */
function whyOver({ signal }: Conversation, meter: Meter): Outcome | undefined {
  return signal.aborted ? whyStopped(signal) : meter.exceeded()
}

type Answer = { kind: "turn"; turn: Turn } | { kind: "none"; outcome: Outcome }

/** The model's next turn, paid, counted and written down, or why there is none. Each attempt at it may be billed, and is paid on its own. */
async function ask(conversation: Conversation, history: readonly Message[], desk: Desk): Promise<Answer> {
  const { store, model, signal } = conversation
  const { meter, batch, purse, transcript } = desk
  const worst_usd = model.worstCost_usd(history)
  const first = batch.now(() => purse.setAside(worst_usd))
  if (first.kind === "none") return first
  let payment: SetAside = first
  const broke = new AbortController()
  const over = AbortSignal.any([signal, meter.time_up, broke.signal])
  let failed: FailedAttempt | undefined
  const onFailure = (attempt: FailedAttempt) => {
    // One that was cut short by the end might have answered.
    failed = over.aborted ? undefined : attempt
    meter.charge(attempt.cost_usd)
    transcript.failure(attempt, meter.steps + 1)
    payment.settle(attempt.cost_usd)
    if (attempt.pause_ms === null) return
    const next = purse.setAside(worst_usd)
    if (next.kind === "none") broke.abort(next.outcome)
    else payment = next
  }

  const asked_ms = store.clock.mono_ms()
  let turn: Turn
  try {
    turn = await model.turn(history, { signal: over, onFailure })
  } catch (error) {
    payment.settle(0)
    meter.wait(store.clock.mono_ms() - asked_ms, { in_vain: error instanceof NoTurn })
    const outcome = broke.signal.aborted ? (broke.signal.reason as Outcome) : whyNoTurn(error, signal, meter)
    // A trial that ended while nobody answered was not worked by anybody.
    const unanswered = outcome.kind === "halted" && !broke.signal.aborted && failed
    return { kind: "none", outcome: unanswered ? noAnswer(unanswered.reason) : outcome }
  }
  const took_ms = store.clock.mono_ms() - asked_ms
  meter.count(turn, took_ms)
  batch.later(() => {
    payment.settle(turn.cost_usd)
    transcript.turn(turn, meter.steps, took_ms)
  })
  return { kind: "turn", turn }
}

function whyNoTurn(error: unknown, signal: AbortSignal, meter: Meter): Outcome {
  if (signal.aborted) return whyStopped(signal)
  if (meter.time_up.aborted) return { kind: "limit", which: "time" }
  const unreachable = error instanceof EnvironmentError || (error instanceof NoTurn && error.unreachable)
  return unreachable ? noAnswer(messageOf(error)) : { kind: "model_error", reason: messageOf(error) }
}

function noAnswer(reason: string): Outcome {
  return { kind: "model_error", reason, unreachable: true }
}

/** Runs a turn's calls in order and gives exactly one result for each. The lease is checked before every command. */
async function runCalls(conversation: Conversation, turn: Turn, desk: Desk): Promise<Block[] | "lease_lost"> {
  const results: Result[] = []
  for (const call of readContent(turn.content).calls) {
    const result = await runCall(conversation, call, desk)
    if (result === "lease_lost") return result
    results.push(result)
  }
  const news = conversation.news()
  const last = results.at(-1)
  if (last && news !== "") last.content += `\n\n${news}`
  return results
}

type Result = Extract<Block, { type: "tool_result" }>

/** One result, whatever becomes of the call. What is never run leaves no `command` behind. */
async function runCall(
  conversation: Conversation,
  call: ToolUse,
  { meter, batch, transcript }: Desk,
): Promise<Result | "lease_lost"> {
  const unrun = (reason: string): Result => {
    return { type: "tool_result", tool_use_id: call.id, content: reason, is_error: true }
  }
  const read = readShellInput(call.name, call.input)
  if (read.kind === "wrong") return unrun(read.reason)
  if (conversation.signal.aborted || meter.left_ms() === 0) return unrun("not run: the session is over")

  const { command, reasoning } = read.input
  const place = { step: meter.steps, call: call.id }
  const isOurs = batch.now(() => {
    if (!renewLease(conversation.store, conversation.lease, LEASE_MS)) return false
    transcript.command({ ...place, command, reasoning })
    return true
  })
  if (!isOurs) return "lease_lost"
  const timeout_ms = Math.min(conversation.limits.command_timeout_ms, meter.left_ms())
  const result = await conversation.shell.run(command, { timeout_ms, signal: conversation.signal })
  const { exit_code, signal, ended_by, duration_ms, output_bytes, shown, output } = result
  const told = { ...place, exit_code, signal, ended_by, duration_ms, output_bytes, shown }
  batch.later(() => transcript.result(told, output))
  conversation.onResult?.({ ...place, command, reasoning, output })
  const content = shown === "" ? describeEnd(result) : `${describeEnd(result)}\n${shown}`
  return { type: "tool_result", tool_use_id: call.id, content, ...(ended_by === "exit" ? {} : { is_error: true }) }
}

function whyStopped(signal: AbortSignal): Outcome {
  const reason: unknown = signal.reason
  return typeof reason === "string" ? { kind: "halted", reason } : { kind: "interrupted" }
}
