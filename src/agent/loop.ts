import { messageOf } from "../lib/errors.ts"
import { append } from "../store/events.ts"
import type { EventBodies, EventKind, Outcome } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { type Lease, renewLease, type SessionEnd } from "../store/sessions.ts"
import { LEASE_MS, type Meter, type SessionLimits, startMeter } from "./limits.ts"
import type { Block, Message, Model, Turn } from "./model/model.ts"
import { readShellInput } from "./model/shell-input.ts"
import { describeEnd, type Shell } from "./sandbox/shell.ts"

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
  const meter = startMeter(conversation.limits, conversation.store.clock)
  const history: Message[] = [{ role: "user", content: [{ type: "text", text: conversation.page }] }]
  const end = (outcome: Outcome, report: string | null = null): SessionEnd => {
    return { outcome, steps: meter.steps, cost_usd: meter.cost_usd, report }
  }

  record(conversation, "page", { system: "", text: conversation.page })
  while (true) {
    const over = whyOver(conversation, meter)
    if (over) return end(over)
    const answer = await ask(conversation, history, meter)
    if (answer.kind === "none") return end(answer.outcome)
    const { turn } = answer
    history.push({ role: "assistant", content: turn.content })

    const next = afterTurn(turn)
    if (next.kind === "end") return end(next.outcome, textOf(turn))
    if (next.kind === "ask_again") continue
    const results = await runCalls(conversation, turn, meter)
    if (results === "lease_lost") return end({ kind: "halted", reason: "another session took the lab over" })
    history.push({ role: "user", content: results })
  }
}

// internal

/** What ends a session from outside of the conversation. */
function whyOver({ signal }: Conversation, meter: Meter): Outcome | undefined {
  return signal.aborted ? whyStopped(signal) : meter.exceeded()
}

type Answer = { kind: "turn"; turn: Turn } | { kind: "none"; outcome: Outcome }

/** The model's next turn, counted and written down, or why there is none. */
async function ask(conversation: Conversation, history: readonly Message[], meter: Meter): Promise<Answer> {
  const { store, model, signal } = conversation
  const asked_ms = store.clock.mono_ms()
  let turn: Turn
  try {
    turn = await model.turn(history, { signal: AbortSignal.any([signal, meter.time_up]) })
  } catch (error) {
    if (signal.aborted) return { kind: "none", outcome: whyStopped(signal) }
    if (meter.time_up.aborted) return { kind: "none", outcome: { kind: "limit", which: "time" } }
    return { kind: "none", outcome: { kind: "model_error", reason: messageOf(error) } }
  }
  meter.steps += 1
  meter.cost_usd += turn.cost_usd
  recordTurn(conversation, turn, meter.steps, store.clock.mono_ms() - asked_ms)
  return { kind: "turn", turn }
}

type Next = { kind: "run" } | { kind: "ask_again" } | { kind: "end"; outcome: Outcome }

/** What a turn's stop reason asks for (Messages API, 2026-10-21). A call in a truncated turn is never run. */
function afterTurn(turn: Turn): Next {
  switch (turn.stop_reason) {
    case "tool_use":
      return callsOf(turn).length > 0
        ? { kind: "run" }
        : { kind: "end", outcome: { kind: "model_error", reason: "the turn asks for a tool and holds no call" } }
    case "pause_turn":
      return { kind: "ask_again" }
    case "end_turn":
    case "stop_sequence":
      return { kind: "end", outcome: claim(textOf(turn)) }
    case "refusal":
      return { kind: "end", outcome: { kind: "refused", category: turn.refusal_category ?? null, model: turn.model } }
    case "max_tokens":
    case "model_context_window_exceeded":
      return { kind: "end", outcome: { kind: "model_error", reason: `the turn was cut off: ${turn.stop_reason}` } }
    default:
      return { kind: "end", outcome: { kind: "model_error", reason: `unknown stop reason: ${turn.stop_reason}` } }
  }
}

/** The agent only claims; whether the lab is well is the monitor's word. */
function claim(text: string): Outcome {
  const escalation = /^\s*ESCALATE:\s*(.*)/.exec(text)
  return escalation ? { kind: "gave_up", reason: escalation[1] ?? "" } : { kind: "claims_done" }
}

/** Runs a turn's calls in order and gives exactly one result for each. The lease is checked before every command. */
async function runCalls(conversation: Conversation, turn: Turn, meter: Meter): Promise<Block[] | "lease_lost"> {
  const results: Result[] = []
  for (const call of callsOf(turn)) {
    if (!renewLease(conversation.store, conversation.lease, LEASE_MS)) return "lease_lost"
    results.push(await runCall(conversation, call, meter))
  }
  const news = conversation.news()
  const last = results.at(-1)
  if (last && news !== "") last.content += `\n\n${news}`
  return results
}

type Call = Extract<Block, { type: "tool_use" }>
type Result = Extract<Block, { type: "tool_result" }>

/** One result, whatever becomes of the call. What is never run leaves no `command` behind. */
async function runCall(conversation: Conversation, call: Call, meter: Meter): Promise<Result> {
  const unrun = (reason: string): Result => {
    return { type: "tool_result", tool_use_id: call.id, content: reason, is_error: true }
  }
  const read = readShellInput(call.name, call.input)
  if (read.kind === "wrong") return unrun(read.reason)
  if (conversation.signal.aborted || meter.left_ms() === 0) return unrun("not run: the session is over")

  const { command, reasoning } = read.input
  const place = { step: meter.steps, call: call.id }
  record(conversation, "command", { ...place, command, reasoning })
  const timeout_ms = Math.min(conversation.limits.command_timeout_ms, meter.left_ms())
  const result = await conversation.shell.run(command, { timeout_ms, signal: conversation.signal })
  const { exit_code, signal, ended_by, duration_ms, output_bytes, shown, output } = result
  const body = { ...place, exit_code, signal, ended_by, duration_ms, output_bytes, shown }
  record(conversation, "result", body, output)
  const content = shown === "" ? describeEnd(result) : `${describeEnd(result)}\n${shown}`
  return { type: "tool_result", tool_use_id: call.id, content, ...(ended_by === "exit" ? {} : { is_error: true }) }
}

function recordTurn(conversation: Conversation, turn: Turn, step: number, took_ms: number): void {
  const { stop_reason, model, request_id, usage } = turn
  const calls = callsOf(turn).map(({ id, name, input }) => ({ call: id, name, input }))
  const body = { step, text: textOf(turn), stop_reason, model, request_id, usage, took_ms }
  record(conversation, "message", calls.length > 0 ? { ...body, calls } : body)
}

function record<K extends EventKind>(
  conversation: Conversation,
  kind: K,
  body: EventBodies[K],
  blob?: Uint8Array,
): void {
  const { store, lease } = conversation
  append(store, lease.lab, kind, body, { session: lease.session, ...(blob?.length ? { blob } : {}) })
}

function callsOf(turn: Turn): Call[] {
  return turn.content.filter((block) => block.type === "tool_use")
}

function textOf(turn: Turn): string {
  return turn.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n")
}

function whyStopped(signal: AbortSignal): Outcome {
  const reason: unknown = signal.reason
  return typeof reason === "string" ? { kind: "halted", reason } : { kind: "interrupted" }
}
