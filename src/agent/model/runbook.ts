import type { Message, Model, ShellInput, Turn } from "./model.ts"

export interface Runbook {
  name: string
  steps: readonly ShellInput[]
  /** The last message, after all steps. */
  says: string
}

/** Answers from a list, one command a turn, whatever the results. Controls and replays are runbooks. */
export function runbookModel({ name, steps, says }: Runbook): Model {
  return {
    name,
    system: "",
    worstCost_usd: () => 0,
    turn: async (history) => {
      const step = turnsSoFar(history)
      const input = steps[step]
      return input
        ? turn(name, "tool_use", { type: "tool_use", id: `step-${step + 1}`, name: "shell", input })
        : turn(name, "end_turn", { type: "text", text: says })
    },
  }
}

// internal

const turnsSoFar = (history: readonly Message[]) => history.filter(({ role }) => role === "assistant").length

function turn(model: string, stop_reason: string, block: Turn["content"][number]): Turn {
  return { content: [block], stop_reason, model, request_id: null, usage: {}, cost_usd: 0, waited_ms: 0 }
}
