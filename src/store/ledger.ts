import type { Store } from "./open.ts"

/** A write that the subject has acknowledged. From then on it must be readable. */
export interface AckedWrite {
  key: string
  value: string
  /** Monotonic. */
  acked_ms: number
}

/** Keeps acknowledged writes. A key is written once; a second time is a fault of the caller's. */
export function recordAcks(store: Store, lab: string, acks: readonly AckedWrite[]): void {
  store.write(() => {
    const insert = store.db.query("insert into ledger (lab, key, value, acked_ms) values (?, ?, ?, ?)")
    for (const { key, value, acked_ms } of acks) insert.run(lab, key, value, acked_ms)
  })
}

/** Every acknowledged write of a lab, by key. The reader may take its time: no statement stays open between pages. */
export function* ledgerOf(store: Store, lab: string): Generator<AckedWrite> {
  for (let after = ""; ;) {
    const page = store.db.query<AckedWrite, [string, string, number]>(PAGE).all(lab, after, PAGE_ROWS)
    yield* page
    if (page.length < PAGE_ROWS) return
    after = page[PAGE_ROWS - 1]!.key
  }
}

// internal

/** About 100 kB at a time, however long the trial was. */
const PAGE_ROWS = 1_000

const PAGE = "select key, value, acked_ms from ledger where lab = ? and key > ? order by key limit ?"
