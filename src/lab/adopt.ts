import { mkdirSync } from "node:fs"
import { UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"
import { adoptedLab, createAdopted, markReleased } from "../store/adopted.ts"
import { getLab, type LabRow } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { keepText } from "../store/texts.ts"
import type { Lab } from "./lab.ts"
import { openLab, openLabToDestroy } from "./open.ts"
import { dockerEngine, requireEngine } from "./platforms/docker/engine.ts"
import { removeMountedFolder } from "./platforms/docker/mounted-folder.ts"
import { findProject, type Project, projectOf } from "./platforms/docker/project.ts"
import { optionalServices } from "./platforms/docker/project-nodes.ts"
import { removeAbandoned } from "./platforms/docker/remove.ts"
import { newName } from "./raise.ts"
import type { Subject } from "./subject.ts"

export interface Adopted {
  lab: Lab
  project: Project
  /** Services of the project that the subject does not name, and that nobody watches therefore. */
  unwatched: string[]
  /** It was adopted before, with the same subject. */
  again: boolean
}

/**
 * Makes a lab of a Compose project that somebody else runs, to be watched and worked on. Nothing of the project is changed. What
 * is adopted already is given back. A UsageError when there is no such project, when it lacks a service of the subject, or when it is
 * adopted as another subject.
 */
export async function adoptProject(store: Store, subject: Subject, name: string): Promise<Adopted> {
  const project = await findProject(dockerEngine(), name)
  requireServices(subject, project)
  const { id, dir } = await newName(store, name, "docker")
  const { row, again } = store.write(() => {
    const subject_text = keepText(store, "subject", subject.file, subject.text)
    const earlier = adoptedLab(store, name)
    if (earlier) return { row: sameSubject(earlier, subject_text), again: true }
    createAdopted(store, name, { id, subject: subject.name, subject_text, dir })
    return { row: getLab(store, id)!, again: false }
  })
  // For commands that are run beside the nodes.
  mkdirSync(row.dir, { recursive: true })
  const unwatched = servicesOf(project).filter((service) => !subject.services.includes(service))
  return { lab: await openLab(store, row), project, unwatched, again }
}

/**
 * Lets go of an adopted lab: monitors and agents of it end, a kitchen that is left goes, and the project stays as it is. Returns the
 * names of what is in the project and no instance of a service, which may be an agent's; and whether there is no such project any
 * more. An EnvironmentError, and nothing is done, without an engine.
 */
export async function releaseLab(store: Store, row: LabRow): Promise<{ left: string[]; gone: boolean }> {
  const { adopted } = row
  if (adopted === null) {
    throw new UsageError(`${row.id} was not adopted: Operator has made it`, { hint: `operator down ${row.id}` })
  }
  await requireEngine()
  const lab = await openLabToDestroy(store, row)
  // First: whoever holds a kitchen there gives it up, and makes no other one.
  markReleased(store, row.id, adopted)
  await lab.destroy({ patience_ms: RELEASE_PATIENCE_MS })
  const { members } = await projectOf(dockerEngine(), adopted)
  const left = members.flatMap(({ name, service }) => (service === "" ? [name] : []))
  return { left, gone: members.length === 0 }
}

/** Throws a UsageError for a lab that somebody else runs, with what may not be done to it. */
export function refuseAdopted(
  { id, adopted }: { id: string; adopted?: string | null | undefined },
  what: string,
): void {
  if (typeof adopted !== "string") return
  throw new UsageError(`${id} is adopted, and the project ${adopted} is somebody else's: ${what}`, {
    hint: `operator adopt --release ${id} lets go of it; operator up SUBJECT makes a lab that is yours to break`,
  })
}

/** Removes the kitchen that a killed agent has left beside an adopted lab; with `force` also one in use. Whether there was any. */
export async function tidyAdopted({ id, dir }: LabRow, { force }: { force: boolean }): Promise<boolean> {
  if ((await removeAbandoned(dockerEngine(), id, { force })) === 0) return false
  // A lab has one kitchen at a time.
  removeMountedFolder(dir)
  return true
}

// internal

/** An engine that restarts at this moment: nobody looks for the kitchen of a lab that was let go of. */
const RELEASE_PATIENCE_MS = 15_000

function servicesOf({ members }: Project): string[] {
  return [...new Set(members.map(({ service }) => service).filter((service) => service !== ""))].sort()
}

function requireServices(subject: Subject, project: Project): void {
  const there = servicesOf(project)
  const optional = optionalServices(subject)
  const missing = subject.services.filter((service) => !there.includes(service) && !optional.has(service))
  const [first] = missing
  if (first === undefined) return
  const near = missing.length === 1 ? didYouMean(first, there) : ""
  throw new UsageError(`${subject.file} names what the project ${project.name} has not: ${missing.join(", ")}${near}`, {
    hint: `its services: ${there.join(", ")}`,
  })
}

function sameSubject(row: LabRow, subject_text: string): LabRow {
  if (row.subject_text === subject_text) return row
  throw new UsageError(
    `${row.adopted} is adopted already as ${row.id}, with another subject or an earlier text of this one`,
    {
      hint: `operator adopt --release ${row.id} lets go of it; then adopt it anew`,
    },
  )
}
