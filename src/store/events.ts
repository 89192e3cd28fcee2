import { CheckFailed } from "../lib/errors.ts"
import { sha256 } from "../lib/ids.ts"
import { type BlobInput, keepBlob } from "./blobs.ts"
import type { EventBodies, EventKind } from "./kinds.ts"
import { refusePromise, type Store } from "./open.ts"

/** One event as it is read back. `seq` counts from 1 in each lab. */
export interface Event<K extends EventKind = EventKind> {
  lab: string
  seq: number
  at: string
  mono_ms: number
  kind: K
  session: string | null
  body: EventBodies[K]
  blob: string | null
  prev: string
  hash: string
}

export interface AppendOptions {
  session?: string | null
  /** Kept as a content-addressed blob; the event carries its hash. */
  blob?: BlobInput
  /** Survives a power cut, not only kill -9. */
  durable?: boolean
  /** Changes the projections that follow from this event, in its transaction. Must be done when it returns. */
  project?: (event: { at: string; mono_ms: number; seq: number }) => void
}

/** Appends one event to a lab's chain, and returns where it stands. */
export function append<K extends EventKind>(
  store: Store,
  lab: string,
  kind: K,
  body: EventBodies[K],
  options: AppendOptions = {},
): { seq: number; at: string; mono_ms: number } {
  return store.write(
    () => {
      const head = chainHead(store, lab)
      const row: Sealed = {
        lab,
        seq: head.seq + 1,
        at: store.clock.now().toISOString(),
        mono_ms: store.clock.mono_ms(),
        kind,
        session: options.session ?? null,
        body: JSON.stringify(body),
        blob: options.blob === undefined ? null : keepBlob(store, options.blob),
        prev: head.hash,
      }
      store.db.query(INSERT).run({ ...row, hash: hashOf(row) })
      refusePromise(options.project?.(row))
      return { seq: row.seq, at: row.at, mono_ms: row.mono_ms }
    },
    { durable: options.durable ?? false },
  )
}

/** The events of a lab in order, after `after` (a seq), at most `limit`; of the named kinds alone when given. */
export function events<K extends EventKind = EventKind>(
  store: Store,
  lab: string,
  options: { after?: number; limit?: number; kinds?: readonly K[] } = {},
): Event<K>[] {
  const kinds = JSON.stringify(options.kinds ?? [])
  const rows = store.db
    .query<Row, { lab: string; after: number; kinds: string; limit: number }>(SELECT)
    .all({ lab, after: options.after ?? 0, kinds, limit: options.limit ?? -1 })
  return rows.map((row) => ({ ...row, kind: row.kind as K, body: parsed(row) as EventBodies[K] }))
}

/** The first place at which a lab's chain does not hold, or undefined. */
export function firstBreak(store: Store, lab: string): { seq: number; reason: string } | undefined {
  let [seq, prev] = [0, ""]
  for (const row of store.db.query<Row, [string]>("select * from events where lab = ? order by seq").iterate(lab)) {
    if (row.seq !== seq + 1) return { seq: seq + 1, reason: "an event is missing" }
    if (row.prev !== prev) return { seq: row.seq, reason: "it does not follow the event before it" }
    if (hashOf(row) !== row.hash) return { seq: row.seq, reason: "it was altered" }
    seq = row.seq
    prev = row.hash
  }
  return undefined
}

/** The last event's place and hash: publish it, and nobody can cut the log's end off unseen. */
export function chainHead(store: Store, lab: string): Head {
  return store.db.query<Head, [string]>(HEAD).get(lab) ?? { seq: 0, hash: "" }
}

// internal

interface Head {
  seq: number
  hash: string
}

type Sealed = Omit<Row, "hash">

type Row = Omit<Event, "kind" | "body"> & { kind: string; body: string }

const HEAD = "select seq, hash from events where lab = ? order by seq desc limit 1"

const INSERT = `insert into events (lab, seq, at, mono_ms, kind, session, body, blob, prev, hash)
  values (:lab, :seq, :at, :mono_ms, :kind, :session, :body, :blob, :prev, :hash)`

const SELECT = `select * from events where lab = :lab and seq > :after
  and (:kinds = '[]' or kind in (select value from json_each(:kinds))) order by seq limit :limit`

/** Only somebody who went past the table's checks can have written what is no JSON. */
function parsed(row: Row): unknown {
  try {
    return JSON.parse(row.body)
  } catch (cause) {
    throw new CheckFailed(`event ${row.seq} of ${row.lab} was altered: it cannot be read`, { cause })
  }
}

function hashOf(row: Sealed): string {
  const { lab, seq, at, mono_ms, kind, session, body, blob, prev } = row
  return sha256(JSON.stringify([lab, seq, at, mono_ms, kind, session, body, blob, prev]))
}
