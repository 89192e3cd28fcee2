import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"

/** Every file below a folder by its path in it, with its content. */
export function everything(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      relative(dir, join(parentPath, name)),
      readFileSync(join(parentPath, name), "base64"),
    ]),
  )
}

/** The class and the message of what is thrown. */
export function failure(work: () => unknown): [name: string, message: string] | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof Error ? [error.name, error.message] : ["", String(error)]
  }
}
