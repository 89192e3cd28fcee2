import { OPERATOR } from "./operator.ts"

/**
 * The program under test, run by somebody whom permissions bind: as it is for an ordinary user, behind setpriv(1) for root.
 * Undefined where root has no setpriv, or nobody else may read the program; say so with `test.skipIf`.
 */
export const UNPRIVILEGED: readonly string[] | undefined = unprivileged()

// internal

function unprivileged(): readonly string[] | undefined {
  if (process.getuid?.() !== 0) return OPERATOR
  const command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...OPERATOR]
  if (Bun.which("setpriv") === null) return undefined
  return Bun.spawnSync([...command, "--version"]).exitCode === 0 ? command : undefined
}
