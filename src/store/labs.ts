import { bootId, fateOf, isAlive, type ProcessId, stateOf, thisProcess } from "../lib/process.ts"
import { append } from "./events.ts"
import type { Store } from "./open.ts"
import type { RunsOn } from "./runs-on.ts"
import { enterStage } from "./trials.ts"

export interface LabRow {
  id: string
  subject: string
  subject_text: string
  platform: string
  dir: string
  trial: string | null
  state: "starting" | "up" | "ending" | "destroyed"
  owner_boot: string
  owner_pid: number
  owner_started: string
  guardian_pid: number | null
  guardian_started: string | null
  created_at: string
  deadline_at: string
  destroyed_at: string | null
  session: string | null
  fence: number
  lease_until_ms: number
  attempts: number
  holds_since_ms: number | null
  monitor: string | null
  monitor_seen_ms: number
  /** The Compose project of a lab that somebody else runs; null where Operator has made it. */
  adopted: string | null
}

export type NewLab = Pick<LabRow, "id" | "subject" | "subject_text" | "platform" | "dir" | "trial" | "deadline_at">

/** Records a lab before anything of it exists. This process is its owner. */
export function createLab(store: Store, lab: NewLab): void {
  store.write(
    () => {
      insertLab(store, { ...lab, state: "starting", adopted: null })
      if (lab.trial !== null) store.db.query("update trials set lab = ? where id = ?").run(lab.id, lab.trial)
      const { subject, platform, dir, trial, deadline_at } = lab
      append(store, lab.id, "lab.created", { subject, platform, dir, trial, deadline_at })
      if (trial !== null) enterStage(store, trial, lab.id, "preparing")
    },
    { durable: true },
  )
}

/** The row of a lab alone, in a transaction of the caller's. */
export function insertLab(store: Store, lab: NewLab & Pick<LabRow, "state" | "adopted">): void {
  const { pid, started } = thisProcess()
  store.db
    .query(
      `insert into labs (id, subject, subject_text, platform, dir, trial, state, owner_boot, owner_pid, owner_started, created_at, deadline_at, adopted)
       values (:id, :subject, :subject_text, :platform, :dir, :trial, :state, :boot, :pid, :started, :created_at, :deadline_at, :adopted)`,
    )
    .run({ ...lab, boot: bootId(), pid, started, created_at: store.clock.now().toISOString() })
}

export function markUp(store: Store, lab: string, nodes: string[], took_ms: number, runs_on?: RunsOn): void {
  append(
    store,
    lab,
    "lab.up",
    { nodes, took_ms, ...(runs_on && { runs_on }) },
    {
      project: () => store.db.query("update labs set state = 'up' where id = ?").run(lab),
    },
  )
}

export function recordGuardian(store: Store, lab: string, guardian: ProcessId): void {
  store.write(() =>
    store.db
      .query("update labs set guardian_pid = ?, guardian_started = ? where id = ?")
      .run(guardian.pid, guardian.started, lab),
  )
}

/** The lab outlives the process that made it: this process, its guardian, owns it from here on. */
export function takeOver(store: Store, lab: string): void {
  const owner = thisProcess()
  append(
    store,
    lab,
    "lab.kept",
    { owner_pid: owner.pid },
    {
      project: () =>
        store.db
          .query("update labs set owner_boot = ?, owner_pid = ?, owner_started = ? where id = ?")
          .run(bootId(), owner.pid, owner.started, lab),
    },
  )
}

/** Sets when the guardian destroys the lab, whatever its owner says. */
export function setDeadline(store: Store, lab: string, deadline: Date): void {
  const deadline_at = deadline.toISOString()
  append(
    store,
    lab,
    "lab.deadline",
    { deadline_at },
    {
      project: () => store.db.query("update labs set deadline_at = ? where id = ?").run(deadline_at, lab),
    },
  )
}

/** From now on what happens in the lab is its end, and nothing that a monitor ought to report. */
export function markEnding(store: Store, lab: string, by: string, reason: string): void {
  store.write(() => {
    if (isEnding(getLab(store, lab))) return
    append(
      store,
      lab,
      "lab.ending",
      { by, reason },
      { project: () => store.db.query("update labs set state = 'ending' where id = ?").run(lab) },
    )
  })
}

export function isEnding(lab: Pick<LabRow, "state"> | undefined): boolean {
  return lab?.state === "ending" || lab?.state === "destroyed"
}

/** How a lab is, in a word for people: an adopted one was not destroyed when it is one of ours no more, but released. */
export function stateWord({ state, adopted }: Pick<LabRow, "state" | "adopted">): LabRow["state"] | "released" {
  return state === "destroyed" && adopted !== null ? "released" : state
}

/** Only after the world was looked at and nothing of the lab is left. */
export function markDestroyed(store: Store, lab: string, by: string, reason: string, ended_processes: number): void {
  append(
    store,
    lab,
    "lab.destroyed",
    { by, reason, ended_processes },
    {
      project: ({ at }) =>
        store.db
          .query("update labs set state = 'destroyed', destroyed_at = ?, session = null where id = ?")
          .run(at, lab),
    },
  )
}

export function getLab(store: Store, id: string): LabRow | undefined {
  return store.db.query<LabRow, [string]>("select * from labs where id = ?").get(id) ?? undefined
}

/** The ids of all labs, also of those that were destroyed, oldest first. */
export function labIds(store: Store): string[] {
  return store.db
    .query<{ id: string }, []>("select id from labs order by created_at, rowid")
    .all()
    .map(({ id }) => id)
}

/** Labs that were not destroyed, oldest first. */
export function livingLabs(store: Store): LabRow[] {
  return store.db.query<LabRow, []>("select * from labs where state <> 'destroyed' order by created_at").all()
}

/** The lab's guardian, while it lives. */
export function guardianOf({ owner_boot, guardian_pid, guardian_started }: LabRow): ProcessId | undefined {
  if (guardian_pid === null || guardian_started === null) return undefined
  const guardian = { pid: guardian_pid, started: guardian_started }
  return isAlive({ boot: owner_boot, ...guardian }) ? guardian : undefined
}

/**
 * Nobody answers for the lab any more: its owner is dead, and its guardian is dead or stopped. Where neither can be seen (a container,
 * with a lab of its host): its guardian ought to have destroyed it by now. An adopted lab is not ours to answer for.
 */
export function isOrphan(lab: LabRow): boolean {
  if (lab.adopted !== null) return false
  const owner = fateOf({ boot: lab.owner_boot, pid: lab.owner_pid, started: lab.owner_started })
  if (owner === "unseen") return Date.now() > Date.parse(lab.deadline_at) + OVERDUE_MS
  const guardian = guardianOf(lab)
  return owner === "dead" && (guardian === undefined || stateOf(guardian) === "stopped")
}

// internal

/** A guardian looks at its lab's deadline every few seconds, and a large lab takes some to go. */
const OVERDUE_MS = 60_000
