import { messageOf, UsageError } from "../lib/errors.ts"

/** `--param name=value`, repeated. A value that reads as a number or as true or false is one; `[…]` and `{…}` are YAML. */
export function parseParams(words: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf("=")
      if (equals < 1)
        throw new UsageError(`--param ${word} is no NAME=VALUE`, { hint: "for instance --param delay_ms=200" })
      return [word.slice(0, equals), typed(word.slice(equals + 1))]
    }),
  )
}

// internal

function typed(text: string): unknown {
  if (/^[[{]/.test(text)) return parsed(text)
  if (text === "true" || text === "false") return text === "true"
  return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text
}

function parsed(text: string): unknown {
  try {
    return Bun.YAML.parse(text)
  } catch (error) {
    throw new UsageError(`--param …=${text}: ${messageOf(error)}`)
  }
}
