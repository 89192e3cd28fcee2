import { append } from "./events.ts"
import { insertLab, type LabRow, livingLabs, type NewLab } from "./labs.ts"
import type { Store } from "./open.ts"

/** It is let go of by whoever adopted it, and by nobody else. */
const NEVER = "9999-12-31T23:59:59.999Z"

/** Records a lab that somebody else runs. Nobody of ours owns it, and nothing of it has to come up. */
export function createAdopted(
  store: Store,
  project: string,
  lab: Omit<NewLab, "platform" | "trial" | "deadline_at">,
): void {
  store.write(() => {
    const row = { ...lab, platform: "docker", trial: null, deadline_at: NEVER, state: "up" as const }
    insertLab(store, { ...row, adopted: project })
    append(store, lab.id, "lab.adopted", { project, subject: lab.subject, dir: lab.dir })
  })
}

/** The living lab that is a project. */
export function adoptedLab(store: Store, project: string): LabRow | undefined {
  return livingLabs(store).find(({ adopted }) => adopted === project)
}

/** Nobody watches or works on it any more. The project goes on as it is. */
export function markReleased(store: Store, lab: string, project: string): void {
  const release = ({ at }: { at: string }) =>
    store.db.query("update labs set state = 'destroyed', destroyed_at = ?, session = null where id = ?").run(at, lab)
  append(store, lab, "lab.released", { project }, { project: release })
}
