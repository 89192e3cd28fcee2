import { freemem, loadavg } from "node:os"
import type { Store } from "./open.ts"

/** One look at the machine, at most one row a second. `lag_ms` says how late this process was called. */
export function sampleHostLoad(store: Store, lab: string, lag_ms: number): void {
  store.write(() =>
    store.db
      .query("insert or replace into host_load (lab, second, load1, free_bytes, lag_ms) values (?, ?, ?, ?, ?)")
      .run(lab, Math.floor(store.clock.now().getTime() / 1_000), loadavg()[0] ?? 0, freemem(), lag_ms),
  )
}
