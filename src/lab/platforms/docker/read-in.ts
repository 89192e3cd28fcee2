import { existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { isBelow } from "../../../lib/below.ts"
import { openDocument, type YamlDocument, type YamlProblem } from "../../../lib/yaml-document.ts"

/**
 * Refuses what Compose would read into a subject's file from outside of its folder: `env_file`, `label_file`, `extends` and `include`.
 * What Compose prints holds their contents and no longer says whence, so this is asked of the file as it is written, and of each
 * file that it brings in.
 */
export function refuseReadIn(document: YamlDocument, folder: string): void {
  const root = existsSync(folder) ? realpathSync(folder) : folder
  const reader = { folder, root, seen: new Set<string>() }
  refuseIn(reader, document, folder)
}

// internal

interface Reader {
  /** The subject's own folder as it was named, and as it is without links. */
  folder: string
  root: string
  /** The Compose files that were looked through: they may bring in one another. */
  seen: Set<string>
}

interface Reference {
  path: YamlProblem["path"]
  named: unknown
  /** It may be missing. */
  optional?: boolean
  /** A Compose file, and so one with references of its own, which are below this folder. */
  compose?: { folder?: unknown }
}

function refuseIn(reader: Reader, document: YamlDocument, folder: string): void {
  const references = [...referencesOf(document.value)]
  const problems = references.flatMap((one) => {
    const text = wrongWith(one, folder, reader)
    return text === undefined ? [] : [{ path: one.path, text }]
  })
  if (problems.length > 0) throw document.error(problems)
  for (const { named, compose } of references) {
    const file = resolve(folder, String(named))
    if (!compose || reader.seen.has(file)) continue
    reader.seen.add(file)
    const below = compose.folder === undefined ? dirname(file) : resolve(folder, String(compose.folder))
    refuseIn(reader, openDocument(readFileSync(file, "utf8"), file), below)
  }
}

function* referencesOf(value: unknown): Generator<Reference> {
  for (const [index, one] of listed(fieldsOf(value).include)) {
    const path = ["include", ...index]
    const { path: files, project_directory: folder, env_file } = typeof one === "string" ? { path: one } : fieldsOf(one)
    if (folder !== undefined) yield { path, named: folder }
    for (const [, named] of listed(files)) yield { path, named, compose: { folder } }
    for (const [, named] of listed(env_file)) yield { path, named }
  }
  for (const [name, fields] of Object.entries(fieldsOf(fieldsOf(value).services))) {
    const service = fieldsOf(fields)
    for (const key of ["env_file", "label_file"]) {
      for (const [index, one] of listed(service[key])) {
        const { path: named, required } = typeof one === "string" ? { path: one } : fieldsOf(one)
        yield { path: ["services", name, key, ...index], named, optional: required === false }
      }
    }
    const { file } = fieldsOf(service.extends)
    if (file !== undefined) yield { path: ["services", name, "extends", "file"], named: file, compose: {} }
  }
}

/** Another shape than these is for Compose to refuse. */
function wrongWith({ named, optional, compose }: Reference, folder: string, top: Reader): string | undefined {
  if (typeof named !== "string") return "a lab needs the name of a file here"
  if (named.includes("$")) return `${named}: a lab's files are named without variables`
  const file = resolve(folder, named)
  if (named.startsWith("~") || !(isWithin(top.folder, file) || isWithin(top.root, file))) return outside(named)
  if (!existsSync(file)) return optional ? undefined : `${file}: there is no such file or folder`
  if (!isWithin(top.root, realpathSync(file))) return `${outside(named)}: it is a link that leads out`
  if (compose && !statSync(file).isFile()) return `${file} is no file`
  return undefined
}

const outside = (named: string) =>
  `${named} is not below the subject's own folder, and a lab reaches nothing else of this machine`

const isWithin = (folder: string, path: string) => path === folder || isBelow(path, folder)

/** One, or a list, each with its place. */
function listed(value: unknown): [index: number[], one: unknown][] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value.map((one, index) => [[index], one]) : [[[], value]]
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}
