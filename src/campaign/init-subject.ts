import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, dirname, extname, join } from "node:path"
import { firstBlock, KEY } from "../lab/first-block.ts"
import type { Guess } from "../lab/guess.ts"
import { readByPath } from "../lib/discovery.ts"
import type { FileProblem } from "../lib/file-error.ts"
import { randomHex } from "../lib/ids.ts"
import { withKey } from "../lib/yaml-append.ts"
import { openDocument } from "../lib/yaml-document.ts"
import { checkSubject } from "./check-subject.ts"

export interface FirstSubject {
  text: string
  guess: Guess
  /** Of the file as it was: what is added has none. */
  problems: readonly FileProblem[]
}

/** A Compose file with a block to start from, written back when asked to. A file that has one is refused, at its line. */
export async function initSubject(path: string, { write }: { write: boolean }): Promise<FirstSubject> {
  const found = readByPath(path, "compose", "Compose file")
  const document = openDocument(found.text, path)
  const { name, services } = (document.value ?? {}) as { name?: unknown; services?: unknown }
  if (
    typeof services !== "object" ||
    services === null ||
    Array.isArray(services) ||
    Object.keys(services).length === 0
  )
    throw document.error([{ path: ["services"], text: "there are no services" }])
  const title = typeof name === "string" ? name : basename(path, extname(path))
  const { yaml, json, guess } = firstBlock(title, services as Record<string, unknown>)
  const text = withKey(found.text, path, { key: KEY, block: yaml, flow: json })
  const { problems } = await checkSubject({ ...found, text })
  if (write) replace(path, text)
  return { text, guess, problems }
}

// internal

/** All of it or nothing, with the rights that the file has. */
function replace(path: string, text: string): void {
  const file = realpathSync(path)
  const beside = join(dirname(file), `.${basename(file)}.${randomHex(8)}`)
  try {
    writeFileSync(beside, text, { mode: statSync(file).mode })
    renameSync(beside, file)
  } finally {
    rmSync(beside, { force: true })
  }
}
