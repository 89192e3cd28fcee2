import { parseArgs } from "node:util"
import { messageOf, UsageError } from "../lib/errors.ts"

/** The values of the flags. All of them take one; unknown, missing and stray ones are usage errors. */
export function flags<Required extends string, Optional extends string = never>(
  args: string[],
  names: { required: readonly Required[]; optional?: readonly Optional[] },
): Record<Required, string> & Partial<Record<Optional, string>> {
  const known = [...names.required, ...(names.optional ?? [])]
  const options = Object.fromEntries(known.map((name) => [name, { type: "string" as const }]))
  let values: Partial<Record<string, string | boolean>>
  try {
    values = parseArgs({ args, options, strict: true, allowPositionals: false }).values
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause })
  }
  const missing = names.required.filter((name) => values[name] === undefined)
  if (missing.length > 0) throw new UsageError(`missing: ${missing.map((name) => `--${name}`).join(", ")}`)
  return values as Record<Required, string> & Partial<Record<Optional, string>>
}
