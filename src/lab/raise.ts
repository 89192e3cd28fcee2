import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { labId } from "../lib/ids.ts"
import { createLab, getLab, markUp } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { keepText } from "../store/texts.ts"
import { type Guardian, startGuardian } from "./guardian.ts"
import type { Lab } from "./lab.ts"
import { layOut, processLab } from "./platforms/process.ts"
import type { Subject } from "./subject.ts"

export interface RaiseOptions {
  trial: string | null
  /** From now; after it the guardian destroys the lab, whatever its owner says. */
  deadline_ms: number
  /** The command line of the guardian, to which the lab's id is added. */
  guardian: readonly string[]
}

/**
 * Brings up a new lab: its record first, then its guardian, then its nodes, all at once, each of which listens when this
 * resolves. Should it fail half-way, the guardian clears up as soon as this process lets go of the lifeline.
 */
export async function raiseLab(
  store: Store,
  subject: Subject,
  options: RaiseOptions,
): Promise<{ lab: Lab; guardian: Guardian }> {
  const start_ms = store.clock.mono_ms()
  const id = freshId(store, subject.name)
  const dir = join(labsFolder(store), id)
  createLab(store, {
    id,
    subject: subject.name,
    subject_text: keepText(store, "subject", subject.file, subject.text),
    platform: "process",
    dir,
    trial: options.trial,
    deadline_at: new Date(store.clock.now().getTime() + options.deadline_ms).toISOString(),
  })
  const guardian = await startGuardian(store, id, [...options.guardian, "--lab", id, "--db", store.file])
  layOut(subject, dir)
  const lab = processLab(id, subject, dir)
  await Promise.all(lab.nodes().map((node) => lab.start(node.name)))
  markUp(
    store,
    id,
    lab.nodes().map((node) => node.name),
    store.clock.mono_ms() - start_ms,
  )
  return { lab, guardian }
}

/** Where the folders of process labs are: beside the store that knows of them. */
export function labsFolder(store: Pick<Store, "file">): string {
  return join(dirname(store.file), "labs")
}

// internal

function freshId(store: Store, subject: string): string {
  for (;;) {
    const id = labId(subject)
    if (!getLab(store, id) && !existsSync(join(labsFolder(store), id))) return id
  }
}
