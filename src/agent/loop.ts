import { messageOf } from "../lib/errors.ts"
import { append } from "../store/events.ts"
import type { EventBodies, EventKind, Outcome } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { type Lease, renewLease } from "../store/sessions.ts"
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

export interface ConversationEnd {
  outcome: Outcome
  steps: number
  cost_usd: number
  /** The model's last words. */
  report: string | null
}

/** Lets the model work until it ends, or a limit or somebody ends it. Each end has its name in `outcome`. */
export async function converse(conversation: Conversation): Promise<ConversationEnd> {
  const { store, model, limits, signal } = conversation
  const meter = startMeter(limits, store.clock)
  const history: Message[] = [{ role: "user", content: [{ type: "text", text: conversation.page }] }]
  const end = (outcome: Outcome, report: string | null = null): ConversationEnd => ({
    outcome,
    steps: meter.steps,
    cost_usd: meter.cost_usd,
    report,
  })

  record(conversation, "page", { system: "", text: conversation.page })
  while (true) {
    if (signal.aborted) return end(whyStopped(signal))
    const exceeded = meter.exceeded()
    if (exceeded) return end(exceeded)

    const asked_ms = store.clock.mono_ms()
    let turn: Turn
    try {
      turn = await model.turn(history, { signal })
    } catch (error) {
      return end(signal.aborted ? whyStopped(signal) : { kind: "model_error", reason: messageOf(error) })
    }
    meter.steps += 1
    meter.cost_usd += turn.cost_usd
    history.push({ role: "assistant", content: turn.content })
    recordTurn(conversation, turn, meter.steps, store.clock.mono_ms() - asked_ms)

    const next = afterTurn(turn)
    if (next.kind === "end") return end(next.outcome, textOf(turn))
    if (next.kind === "ask_again") continue
    const results = await runCommands(conversation, turn, meter)
    if (results === "lease_lost") return end({ kind: "halted", reason: "another session took the lab over" })
    history.push({ role: "user", content: results })
  }
}

// internal

type Next = { kind: "run" } | { kind: "ask_again" } | { kind: "end"; outcome: Outcome }

/** What a turn's stop reason asks for (Messages API, 2026-10-21). A call in a truncated turn is never run. */
function afterTurn(turn: Turn): Next {
  switch (turn.stop_reason) {
    case "tool_use":
      return turn.content.some(({ type }) => type === "tool_use")
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
async function runCommands(conversation: Conversation, turn: Turn, meter: Meter): Promise<Block[] | "lease_lost"> {
  const results: Block[] = []
  for (const call of turn.content) {
    if (call.type !== "tool_use") continue
    if (!renewLease(conversation.store, conversation.lease, LEASE_MS)) return "lease_lost"
    results.push(await runCall(conversation, call, meter))
  }
  const news = conversation.news()
  const last = results.at(-1)
  if (news !== "" && last?.type === "tool_result") last.content += `\n\n${news}`
  return results
}

async function runCall(
  conversation: Conversation,
  call: Extract<Block, { type: "tool_use" }>,
  meter: Meter,
): Promise<Block> {
  const read = readShellInput(call.name, call.input)
  if (read.kind === "wrong") return { type: "tool_result", tool_use_id: call.id, content: read.reason, is_error: true }
  const step = meter.steps
  record(conversation, "command", { step, call: call.id, command: read.input.command, reasoning: read.input.reasoning })
  const timeout_ms = Math.min(conversation.limits.command_timeout_ms, meter.left_ms())
  const result = await conversation.shell.run(read.input.command, { timeout_ms, signal: conversation.signal })
  const { exit_code, signal, ended_by, duration_ms, output_bytes, shown, output } = result
  record(
    conversation,
    "result",
    { step, call: call.id, exit_code, signal, ended_by, duration_ms, output_bytes, shown },
    output,
  )
  const content = shown === "" ? describeEnd(result) : `${describeEnd(result)}\n${shown}`
  return { type: "tool_result", tool_use_id: call.id, content, ...(ended_by === "exit" ? {} : { is_error: true }) }
}

function recordTurn(conversation: Conversation, turn: Turn, step: number, took_ms: number): void {
  const { stop_reason, model, request_id, usage } = turn
  record(conversation, "message", { step, text: textOf(turn), stop_reason, model, request_id, usage, took_ms })
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

function textOf(turn: Turn): string {
  return turn.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n")
}

function whyStopped(signal: AbortSignal): Outcome {
  const reason: unknown = signal.reason
  return typeof reason === "string" ? { kind: "halted", reason } : { kind: "interrupted" }
}
