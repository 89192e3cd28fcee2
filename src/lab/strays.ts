import { existsSync, readdirSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { messageOf } from "../lib/errors.ts"
import { livingLabs } from "../store/labs.ts"
import { isMarked } from "../store/connect.ts"
import { openStoreReadOnly } from "../store/open.ts"
import { LabUnreachable } from "./lab.ts"
import { parseSubject } from "./parse-subject.ts"
import { composeFileOf } from "./platforms/docker/compose-file.ts"
import { dockerEngine } from "./platforms/docker/engine.ts"
import { dockerLab } from "./platforms/docker/lab.ts"
import { labsOfEngine, type Traces } from "./platforms/docker/labelled.ts"
import { placeOf } from "./platforms/docker/membership.ts"
import { processLab } from "./platforms/process.ts"
import { residents, residentsBelow } from "./platforms/residents.ts"

/** A lab of a store's folder that no record there knows: what is left when the store was deleted. */
export interface Stray {
  id: string
  /** Where its folder is, or was. */
  dir: string
  /** What there is of it, in words: "3 containers". */
  has: string[]
}

export interface Strays {
  strays: Stray[]
  /** Labs on this machine's engine that have their folders elsewhere: another store's, and never touched from here. */
  of_others: string[]
  /** Why nobody could look at the engine. */
  unseen: string | undefined
}

/**
 * What there is in the world of labs below the folder of a store, whether or not it is there: by their folders, the mark of their
 * processes, and the labels of what the engine holds. Left out are those that the store knows as living, or another one beside it.
 */
export async function findStrays(file: string): Promise<Strays> {
  const folder = join(dirname(file), "labs")
  const { traces, unseen } = await tracesOf()
  const dirs = [...foldersIn(folder), ...residentsBelow(folder)]
  const place = placeOf(folder)
  const ids = new Set(dirs.map((dir) => basename(dir)))
  for (const { lab, place: its } of traces) if (its === place) ids.add(lab)
  // After the look at the world: whatever was seen there has had its record before.
  const known = new Set(storesBeside(file).flatMap(knownTo))
  return {
    strays: [...ids].filter((id) => !known.has(id)).map((id) => strayOf(id, join(folder, id), traces)),
    of_others: traces.flatMap(({ lab, place: its }) => (ids.has(lab) || known.has(lab) || !its ? [] : [lab])).sort(),
    unseen,
  }
}

/** Ends and removes everything of it. Throws a LabUnreachable when it is of an engine that does not answer. */
export async function removeStray(
  { id, dir }: Pick<Stray, "id" | "dir">,
  { engine }: { engine: boolean },
): Promise<void> {
  const subject = await parseSubject("services: {}", id, id)
  if (engine) return void (await dockerLab(id, subject, dir).destroy())
  if (existsSync(composeFileOf(dir))) throw new LabUnreachable("its engine does not answer")
  await processLab(id, subject, dir).destroy()
}

// internal

/** A lab's folder; anything else that somebody keeps there is not ours. */
const LAB_ID = /^[a-z0-9][a-z0-9_-]*-[0-9a-f]{4}$/

/** An engine may hang. */
const LOOK_WITHIN_MS = 5_000

/** Stores that are kept in one folder share that of their labs. */
const MAX_FILES = 1_000

async function tracesOf(): Promise<{ traces: Traces[]; unseen: string | undefined }> {
  try {
    return { traces: await labsOfEngine(dockerEngine(), { timeout_ms: LOOK_WITHIN_MS }), unseen: undefined }
  } catch (error) {
    if (error instanceof LabUnreachable) return { traces: [], unseen: messageOf(error) }
    throw error
  }
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  const found = readdirSync(folder, { withFileTypes: true })
  return found.flatMap((one) => (one.isDirectory() && LAB_ID.test(one.name) ? [join(folder, one.name)] : []))
}

function strayOf(id: string, dir: string, traces: readonly Traces[]): Stray {
  const its = traces.find(({ lab }) => lab === id)
  const counts: [number, string][] = [
    [its?.containers.length ?? 0, "container"],
    [its?.networks.length ?? 0, "network"],
    [its?.volumes.length ?? 0, "volume"],
    [residents(dir).length, "process"],
  ]
  const plural = (what: string) => (what.endsWith("s") ? `${what}es` : `${what}s`)
  const has = counts.flatMap(([n, what]) => (n === 0 ? [] : [`${n} ${n === 1 ? what : plural(what)}`]))
  return { id, dir, has: existsSync(dir) ? [...has, "its folder"] : has }
}

function storesBeside(file: string): string[] {
  const folder = dirname(file)
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { withFileTypes: true }).filter(
    (one) => one.isFile() && !/-(wal|shm)$/.test(one.name),
  )
  if (files.length > MAX_FILES) throw new Error(`${folder} holds ${files.length} files: which of them are stores?`)
  return files.map(({ name }) => join(folder, name)).filter(isMarked)
}

/** One that cannot be read may know of any lab, so that its error ends the look. */
function knownTo(file: string): string[] {
  const store = openStoreReadOnly(file)
  try {
    return livingLabs(store).map(({ id }) => id)
  } finally {
    store.close()
  }
}
