import { UsageError } from "../lib/errors.ts"
import type { LabRow } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import type { Lab } from "./lab.ts"
import { parseSubject, storedSubject } from "./parse-subject.ts"
import { dockerEngine } from "./platforms/docker/engine.ts"
import { type DockerLab, dockerLab } from "./platforms/docker/lab.ts"
import { processLab } from "./platforms/process.ts"
import type { Subject } from "./subject.ts"

/** The lab of a record, with its subject as it was when the lab was made. */
export async function openLab(store: Store, row: LabRow): Promise<Lab> {
  return labOn(row, await storedSubject(store, row), { look: true })
}

/**
 * As `openLab`, to take a lab down. Of one whose subject this operator no longer understands nothing is known but its folder,
 * which is enough to end it, and its label with Docker.
 */
export async function openLabToDestroy(store: Store, row: LabRow): Promise<Lab> {
  try {
    return await labOn(row, await storedSubject(store, row), { look: false })
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return labOn(row, await parseSubject("services: {}", row.subject, row.subject), { look: false })
  }
}

// internal

/** `look` lets a Docker lab learn at once where its nodes are, for which an engine must answer. */
async function labOn(row: LabRow, subject: Subject, { look }: { look: boolean }): Promise<Lab> {
  const { id, dir, platform, adopted } = row
  if (platform !== "docker") return processLab(id, subject, dir)
  const lab = adopted === null ? dockerLab(id, subject, dir) : adoptedLab(row, subject, adopted)
  if (look) await lab.refresh()
  return lab
}

/** Nothing loads a system that somebody else runs, so nothing is known of how it bears a load. */
function adoptedLab({ id, dir }: LabRow, subject: Subject, project: string): DockerLab {
  return dockerLab(id, { ...subject, workload: undefined }, dir, dockerEngine(), project)
}
