import type { ShellInput } from "./model.ts"

/** A call's input as the shell takes it, or why it cannot be taken: the model is told, and may try again. */
export function readShellInput(
  tool: string,
  input: unknown,
): { kind: "read"; input: ShellInput } | { kind: "wrong"; reason: string } {
  if (tool !== "shell") return { kind: "wrong", reason: `there is no tool "${tool}"; the one tool is shell` }
  if (typeof input !== "object" || input === null) return { kind: "wrong", reason: "the input is no object" }
  const { command, reasoning } = input as Record<string, unknown>
  if (typeof command !== "string" || command.trim() === "")
    return { kind: "wrong", reason: "`command` must be a text that is not empty" }
  if (typeof reasoning !== "string") return { kind: "wrong", reason: "`reasoning` must be a text" }
  return { kind: "read", input: { reasoning, command } }
}
