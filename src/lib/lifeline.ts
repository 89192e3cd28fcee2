import { createInterface } from "node:readline"

/**
 * The reading end of a lifeline: stdin, whose other end a process's owner holds. Calls `hear` with each word that the owner
 * writes, and resolves when the owner is dead or has let go: however it ends, the kernel closes the pipe. Keeps nothing alive.
 */
export function holdLifeline(hear: (word: string) => void = () => undefined): Promise<void> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin })
    lines.on("line", hear)
    lines.on("close", resolve)
    process.stdin.once("error", () => resolve())
    process.stdin.unref()
  })
}
