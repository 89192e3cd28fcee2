import { readFileSync, statSync } from "node:fs"
import { basename, dirname, extname, join, resolve } from "node:path"
import { codeOf, UsageError } from "./errors.ts"
import { didYouMean } from "./nearest.ts"

/** The folders that are looked through, one level deep, in the working directory and then in the executable. */
export type Folder = "compose" | "variants" | "campaigns"

export interface Found {
  name: string
  file: string
  embedded: boolean
}

/** What a folder holds, by name; the working directory's own files shadow those of the executable. */
export function discover(folder: Folder, cwd: string = "."): Found[] {
  const own = yamlFiles(join(cwd, folder)).map((file) => ({
    name: nameOf(file),
    file: join(folder, basename(file)),
    embedded: false,
  }))
  const embedded = yamlFiles(join(EMBEDDED_ROOT, folder)).map((file) => ({ name: nameOf(file), file, embedded: true }))
  const taken = new Set(own.map(({ name }) => name))
  return [...own, ...embedded.filter(({ name }) => !taken.has(name))].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A file by its name, or by its path when the word looks like one. */
export function find(folder: Folder, word: string, what: string): Found & { text: string } {
  const isPath = word.includes("/") || /\.ya?ml$/.test(word)
  const found = isPath
    ? { name: nameOf(word), file: word, embedded: false }
    : discover(folder).find(({ name }) => name === word)
  if (!found) {
    const names = discover(folder).map(({ name }) => name)
    throw new UsageError(`there is no ${what} "${word}"${didYouMean(word, names)}`, {
      hint: `known: ${names.join(", ") || "none"}; or name a file`,
    })
  }
  return {
    ...found,
    text: readText(found.file, what),
    file: found.embedded ? `${folder}/${found.name}.yaml${BUILT_IN}` : found.file,
  }
}

/** Whether a file, as `find` has named it, is inside the executable, and its folder, in which the files are that it names. */
export function whereabouts(file: string): { folder: string; embedded: boolean } {
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

const BUILT_IN = " (built in)"

const EMBEDDED_ROOT = Bun.isStandaloneExecutable ? import.meta.dir : join(import.meta.dir, "..", "..")

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
