import { readFileSync, statSync } from "node:fs"
import { basename, dirname, extname, join, resolve } from "node:path"
import { codeOf, UsageError } from "./errors.ts"
import { didYouMean } from "./nearest.ts"
import { matchPrefix } from "./prefix.ts"

/** The folders that are looked through, one level deep, in the working directory and then in the executable. */
export type Folder = "compose" | "variants" | "campaigns"

export interface Found {
  name: string
  file: string
  embedded: boolean
  /** The files of the same name that it stands before: one that is built in, or one with the other ending. */
  shadows: readonly string[]
}

/** A file that was read. `file` is how it is named to people. */
export type File = Pick<Found, "name" | "file" | "embedded"> & { text: string }

/** What a folder holds, by name; the working directory's own files shadow those of the executable. */
export function discover(folder: Folder, cwd: string = "."): Found[] {
  const own = yamlFiles(join(cwd, folder)).map((file) => ({ path: file, file: join(folder, basename(file)) }))
  const embedded = yamlFiles(join(EMBEDDED_ROOT, folder)).map((file) => ({ path: file, file }))
  // In operator's own repository they are the same.
  const built_in = embedded.filter(({ path }) => !own.some((one) => one.path === path))
  const all = [
    ...own.map((one) => ({ ...one, embedded: false })),
    ...built_in.map((one) => ({ ...one, embedded: true })),
  ]
  const byName = Map.groupBy(all, ({ file }) => nameOf(file))
  return [...byName]
    .map(([name, [first, ...others]]) => ({
      name,
      file: first!.file,
      embedded: first!.embedded,
      shadows: others.map(({ file, embedded }) => (embedded ? "built in" : file)),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A file by its name, or by its path when the word looks like one. */
export function find(folder: Folder, word: string, what: string): File {
  if (isPath(word)) return readByPath(word, folder, what)
  const all = discover(folder)
  const found = all.find(({ name }) => name === word)
  if (found) return readFound(found, folder, what)
  const names = all.map(({ name }) => name)
  throw new UsageError(`there is no ${what} "${word}"${didYouMean(word, names)}`, {
    hint: `known: ${names.join(", ") || "none"}; or name a file`,
  })
}

/** As `find`, for somebody at a keyboard: a name may be shortened to any beginning that is nobody else's. */
export function findByBeginning(folder: Folder, word: string, what: string): File {
  if (isPath(word)) return find(folder, word, what)
  const names = discover(folder).map(({ name }) => name)
  const hint = `known: ${names.join(", ") || "none"}; or name a file`
  return find(folder, matchPrefix(word, names, what, hint), what)
}

export function readByPath(path: string, folder: Folder, what: string): File {
  return readFound({ name: nameOf(path), file: path, embedded: false }, folder, what)
}

export function readFound(found: Pick<Found, "name" | "file" | "embedded">, folder: Folder, what: string): File {
  const { name, embedded } = found
  const file = embedded ? `${folder}/${basename(found.file)}${BUILT_IN}` : found.file
  return { name, embedded, file, text: readText(found.file, what) }
}

/** Where a file lies that may be inside the executable, where there are no links. */
export interface Whereabouts {
  folder: string
  embedded: boolean
}

/** Whether a file, as `find` has named it, is inside the executable, and its folder, in which the files are that it names. */
export function whereabouts(file: string): Whereabouts {
  const builtIn = file.endsWith(BUILT_IN)
  const folder = builtIn ? join(EMBEDDED_ROOT, dirname(file)) : resolve(dirname(file))
  return { folder, embedded: builtIn && Bun.isStandaloneExecutable }
}

/** The text of a file that a found one names by its path from there. */
export function readBeside(found: Pick<Found, "file" | "embedded">, path: string, what: string): string {
  const folder = dirname(found.file)
  return readText(found.embedded ? join(EMBEDDED_ROOT, folder, path) : resolve(folder, path), what)
}

// internal

/** Said of a file inside of the executable, where nobody else can look. */
const BUILT_IN = " (built in)"

const EMBEDDED_ROOT = Bun.isStandaloneExecutable ? import.meta.dir : join(import.meta.dir, "..", "..")

const isPath = (word: string) => word.includes("/") || /\.ya?ml$/.test(word)

const nameOf = (file: string) => basename(file, extname(file))

function yamlFiles(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return []
  return [...new Bun.Glob("*.{yaml,yml}").scanSync({ cwd: folder, absolute: true })].sort()
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    const reason = codeOf(error) === "ENOENT" ? "there is no such file" : `it cannot be read (${codeOf(error)})`
    throw new UsageError(`the ${what} ${resolve(file)}: ${reason}`, { cause: error })
  }
}
