import type { Block, Message, Model, Turn } from "../../src/agent/model/model.ts"

/** One turn, or what is done when it is asked for. Left out are a turn's usual parts. */
export type Scripted =
  Partial<Turn> | ((history: readonly Message[], signal: AbortSignal) => Partial<Turn> | Promise<Partial<Turn>>)

export interface ScriptedModel extends Model {
  /** The history as it was at each turn. */
  asked: Message[][]
  /** Whether each history began as the one before. */
  onlyGrew(): boolean
}

/**
 * A model that gives these turns in order, and the last one again and again. It freezes what it is shown, so that nobody
 * can change it afterwards.
 */
export function scriptedModel(...turns: Scripted[]): ScriptedModel {
  const asked: Message[][] = []
  let [before, onlyGrew] = ["[", true]
  return {
    name: "scripted",
    system: "",
    // The dollars of a turn are known beforehand: what it will cost.
    worstCost_usd: () => {
      const next = turns[Math.min(asked.length + 1, turns.length) - 1]!
      return typeof next === "function" ? 0 : (next.cost_usd ?? 0)
    },
    asked,
    onlyGrew: () => onlyGrew,
    turn: async (history, { signal }) => {
      const now = JSON.stringify(history)
      onlyGrew &&= now.startsWith(before)
      before = now.slice(0, -1)
      for (const message of history) freeze(message)
      asked.push(structuredClone([...history]))
      const next = turns[Math.min(asked.length, turns.length) - 1]!
      return { ...USUAL, ...(typeof next === "function" ? await next(history, signal) : next) }
    },
  }
}

/** A turn that runs these commands, with the ids c1, c2, … */
export function runs(...commands: string[]): Partial<Turn> {
  return calls(...commands.map((command) => ({ command, reasoning: "because" })))
}

/** A turn with calls of whatever input, well-formed or not. */
export function calls(...inputs: unknown[]): Partial<Turn> {
  const content = inputs.map((input, index): Block => ({ type: "tool_use", id: `c${index + 1}`, name: "shell", input }))
  return { content, stop_reason: "tool_use" }
}

/** A turn that says something and ends the conversation, unless it stops for another reason. */
export function says(text: string, stop_reason = "end_turn"): Partial<Turn> {
  return { content: [{ type: "text", text }], stop_reason }
}

/** The results that a message of a history holds. */
export function resultsIn(message: Message | undefined) {
  return message!.content.filter((block) => block.type === "tool_result")
}

// internal

const USUAL: Turn = {
  content: [],
  stop_reason: "end_turn",
  model: "scripted-1",
  request_id: null,
  usage: {},
  cost_usd: 0,
  waited_ms: 0,
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return
  Object.freeze(value)
  for (const part of Object.values(value)) freeze(part)
}
