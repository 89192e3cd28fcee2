import { type Finding, note, ok } from "./finding.ts"

/** Only whether the key is there: its value is nobody's business. */
export function checkKey(): Finding {
  const set = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"].find((name) => process.env[name]?.trim())
  if (set !== undefined) return ok("key", `${set} is set; only Claude needs it`)
  return note(
    "key",
    "ANTHROPIC_API_KEY is not set; only Claude needs it, the controls do not",
    "export ANTHROPIC_API_KEY=…",
  )
}
