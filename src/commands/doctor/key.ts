import { type Finding, note, ok } from "./finding.ts"

/** Only whether the key is there: its value is nobody's business. */
export function checkKey(): Finding {
  if (process.env.ANTHROPIC_API_KEY) return ok("key", "ANTHROPIC_API_KEY is set; only Claude needs it")
  return note(
    "key",
    "ANTHROPIC_API_KEY is not set; only Claude needs it, the controls do not",
    "export ANTHROPIC_API_KEY=…",
  )
}
