import type Anthropic from "@anthropic-ai/sdk"

/**
 * Looks at a stream's events one after the other, and throws when one is out of its place. The SDK takes them as they come: it puts
 * blocks together by where they ought to be, and completes a call's input that was cut off.
 */
export function checkOrder(): (event: Anthropic.MessageStreamEvent) => void {
  let begun = 0
  let stop_reason: string | null = null
  const inputs = new Map<number, string>()
  return (event) => {
    switch (event.type) {
      case "content_block_start":
        if (event.index !== begun) throw new Error(`block ${event.index} of the answer came in the place of ${begun}`)
        begun += 1
        return
      case "content_block_delta":
        if (!(event.index >= 0 && event.index < begun)) throw new Error(`a part of block ${event.index} came too early`)
        if (event.delta.type !== "input_json_delta") return
        inputs.set(event.index, (inputs.get(event.index) ?? "") + event.delta.partial_json)
        return
      case "message_delta":
        stop_reason = event.delta.stop_reason
        return
      case "message_stop":
        // Half a command is not to be run for a whole one.
        if (RUNS.includes(stop_reason)) for (const text of inputs.values()) if (text !== "") JSON.parse(text)
    }
  }
}

/** Throws when a message lacks what is read of it, or could not go back as it is. */
export function requireWhole({ content, model, stop_reason, usage }: Anthropic.Message): void {
  const ids = new Set<string>()
  const is = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`the answer is not well formed: ${what}`)
  }
  is(typeof stop_reason === "string", "it has no stop reason")
  is(typeof model === "string", "it does not say which model answered")
  is(typeof usage === "object" && usage !== null && COUNTS.every((name) => isCount(usage[name])), NO_COUNT)
  is(
    [content, usage].every((part) => depthOf(part) <= DEEPEST),
    `it is nested more than ${DEEPEST} deep`,
  )
  for (const block of content) {
    is(typeof block.type === "string", "a block has no type")
    if (block.type !== "tool_use") continue
    is(typeof block.id === "string" && block.id !== "" && !ids.has(block.id), "a call has no id of its own")
    is(typeof block.name === "string", "a call has no name")
    ids.add(block.id)
  }
}

// internal

/** No command needs it; SQLite keeps no JSON that is nested a thousand deep, and what cannot be written down must not be run. */
const DEEPEST = 100

/** Of objects and lists within each other, as far as `DEEPEST` and one more. */
function depthOf(value: unknown, above = 0): number {
  if (typeof value !== "object" || value === null || above > DEEPEST) return above
  return Object.values(value).reduce<number>((deepest, part) => Math.max(deepest, depthOf(part, above + 1)), above + 1)
}

const NO_COUNT = "it does not say how many tokens it used"

const COUNTS = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"] as const

const isCount = (tokens: unknown) => tokens == null || (Number.isSafeInteger(tokens) && (tokens as number) >= 0)

/** After these, a turn's calls are run. */
const RUNS: readonly (string | null)[] = ["tool_use", "pause_turn"]
