import { append } from "./events.ts"
import { getInjection, type Injection } from "./injections.ts"
import type { Store } from "./open.ts"

type Which = Pick<Injection, "id" | "lab">

/** What was seen of an injection after its end, by the checks that have confirmed it. */
export function recordBaseline(
  store: Store,
  { id, lab }: Which,
  seen: { felt: boolean | null; evidence: string },
): void {
  append(store, lab, "injection.baseline", { injection: id, ...seen })
}

/** The lab's gates hold again since `recovered_at`, after the end of the injection. Said once. */
export function recordRecovery(store: Store, { id, lab }: Which, recovered_at: string): void {
  store.write(() => {
    if (getInjection(store, id)?.recovered_at !== null) return
    append(
      store,
      lab,
      "injection.recovered",
      { injection: id, recovered_at },
      {
        project: () => store.db.query("update injections set recovered_at = ? where id = ?").run(recovered_at, id),
      },
    )
  })
}
