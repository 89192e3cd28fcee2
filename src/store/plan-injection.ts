import { append } from "./events.ts"
import { injectionsOf, type NewInjection, thisWorker } from "./injections.ts"
import type { Store } from "./open.ts"

/**
 * Writes the record, durable against a power cut, before the first change to the world. False, and nothing is written, when the lab has
 * another number of records than `known` by now: what was thought through may mean something else beside them.
 */
export function planInjection(store: Store, injection: NewInjection, known?: number): boolean {
  return store.write(
    () => {
      if (known !== undefined && injectionsOf(store, injection.lab).length !== known) return false
      appendPlanned(store, injection)
      return true
    },
    { durable: true },
  )
}

// internal

function appendPlanned(store: Store, injection: NewInjection): void {
  const { id, lab, fault, targets, params, plan, expires_at = null } = injection
  append(
    store,
    lab,
    "injection.planned",
    { injection: id, fault, targets, params, undo: plan, ...(expires_at !== null && { expires_at }) },
    {
      durable: true,
      project: ({ at }) =>
        store.db
          .query(
            `insert into injections (id, lab, fault, targets, params, plan, phase, created_at, expires_at, worker)
           values (:id, :lab, :fault, :targets, :params, :plan, 'planned', :at, :expires_at, :worker)`,
          )
          .run({
            id,
            lab,
            fault,
            targets: JSON.stringify(targets),
            params: JSON.stringify(params),
            plan: JSON.stringify(plan),
            at,
            expires_at,
            worker: thisWorker(),
          }),
    },
  )
}
