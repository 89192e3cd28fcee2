import { messageOf } from "../lib/errors.ts"
import type { Outcome } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { type Lease, renewLease, type SessionEnd } from "../store/sessions.ts"
import { LEASE_MS, type Meter, type SessionLimits, startMeter } from "./limits.ts"
import { NoTurn } from "./model/failure.ts"
import { type Block, type Message, type Model, readContent, type ToolUse, type Turn } from "./model/model.ts"
import { readShellInput } from "./model/shell-input.ts"
import { openPurse, type Purse } from "./purse.ts"
import { readReport } from "./report.ts"
import { describeEnd, type Shell } from "./sandbox/shell.ts"
import { afterTurn } from "./stop.ts"
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
  /** A person, a signal or the end of the trial stops the session. */
  signal: AbortSignal
}

/** Lets the model work until it ends, or a limit or somebody ends it. Each end has its name in `outcome`. */
export async function converse(conversation: Conversation): Promise<SessionEnd> {
  const { store, lease, model, limits, page } = conversation
  const meter = startMeter(limits, store.clock)
  const desk = { meter, purse: openPurse(store, lease, limits.usd), transcript: openTranscript(store, lease) }
  const history: Message[] = [{ role: "user", content: [{ type: "text", text: page }] }]
  const end = (outcome: Outcome, report: string | null = null): SessionEnd => {
    const { steps, cost_usd, totals } = meter
    return {
      outcome,
      steps,
      cost_usd,
      report,
      totals,
      ...(report !== null && { diagnosis: { ...readReport(report) } }),
    }
  }

  desk.transcript.page(model.system, page)
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
}

// internal

/** What a conversation counts with, pays with and writes on. */
interface Desk {
  meter: Meter
  purse: Purse
  transcript: Transcript
}

/** What ends a session from outside of the conversation. */
function whyOver({ signal }: Conversation, meter: Meter): Outcome | undefined {
  return signal.aborted ? whyStopped(signal) : meter.exceeded()
}

type Answer = { kind: "turn"; turn: Turn } | { kind: "none"; outcome: Outcome }

/** The model's next turn, paid, counted and written down, or why there is none. */
async function ask(conversation: Conversation, history: readonly Message[], desk: Desk): Promise<Answer> {
  const { store, model, signal } = conversation
  const { meter, purse, transcript } = desk
  const payment = purse.setAside(model.worstCost_usd(history))
  if (payment.kind === "none") return payment
  const asked_ms = store.clock.mono_ms()
  const before_usd = meter.cost_usd
  try {
    const turn = await model.turn(history, {
      signal: AbortSignal.any([signal, meter.time_up]),
      onFailure: (attempt) => {
        meter.charge(attempt.cost_usd)
        transcript.failure(attempt, meter.steps + 1)
      },
    })
    const took_ms = store.clock.mono_ms() - asked_ms
    meter.count(turn, took_ms)
    transcript.turn(turn, meter.steps, took_ms)
    return { kind: "turn", turn }
  } catch (error) {
    meter.totals.model_ms += store.clock.mono_ms() - asked_ms
    return { kind: "none", outcome: whyNoTurn(error, signal, meter) }
  } finally {
    payment.settle(before_usd === null || meter.cost_usd === null ? null : meter.cost_usd - before_usd)
  }
}

function whyNoTurn(error: unknown, signal: AbortSignal, meter: Meter): Outcome {
  if (signal.aborted) return whyStopped(signal)
  if (meter.time_up.aborted) return { kind: "limit", which: "time" }
  const unreachable = error instanceof NoTurn && error.unreachable
  return { kind: "model_error", reason: messageOf(error), ...(unreachable && { unreachable }) }
}

/** Runs a turn's calls in order and gives exactly one result for each. The lease is checked before every command. */
async function runCalls(conversation: Conversation, turn: Turn, desk: Desk): Promise<Block[] | "lease_lost"> {
  const results: Result[] = []
  for (const call of readContent(turn.content).calls) {
    if (!renewLease(conversation.store, conversation.lease, LEASE_MS)) return "lease_lost"
    results.push(await runCall(conversation, call, desk))
  }
  const news = conversation.news()
  const last = results.at(-1)
  if (last && news !== "") last.content += `\n\n${news}`
  return results
}

type Result = Extract<Block, { type: "tool_result" }>

/** One result, whatever becomes of the call. What is never run leaves no `command` behind. */
async function runCall(conversation: Conversation, call: ToolUse, { meter, transcript }: Desk): Promise<Result> {
  const unrun = (reason: string): Result => {
    return { type: "tool_result", tool_use_id: call.id, content: reason, is_error: true }
  }
  const read = readShellInput(call.name, call.input)
  if (read.kind === "wrong") return unrun(read.reason)
  if (conversation.signal.aborted || meter.left_ms() === 0) return unrun("not run: the session is over")

  const { command, reasoning } = read.input
  const place = { step: meter.steps, call: call.id }
  transcript.command({ ...place, command, reasoning })
  const timeout_ms = Math.min(conversation.limits.command_timeout_ms, meter.left_ms())
  const result = await conversation.shell.run(command, { timeout_ms, signal: conversation.signal })
  const { exit_code, signal, ended_by, duration_ms, output_bytes, shown, output } = result
  transcript.result({ ...place, exit_code, signal, ended_by, duration_ms, output_bytes, shown }, output)
  const content = shown === "" ? describeEnd(result) : `${describeEnd(result)}\n${shown}`
  return { type: "tool_result", tool_use_id: call.id, content, ...(ended_by === "exit" ? {} : { is_error: true }) }
}

function whyStopped(signal: AbortSignal): Outcome {
  const reason: unknown = signal.reason
  return typeof reason === "string" ? { kind: "halted", reason } : { kind: "interrupted" }
}
