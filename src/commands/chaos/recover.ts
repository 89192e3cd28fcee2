import { awaitRecovery } from "../../campaign/recovery.ts"
import { lookAgain } from "../../chaos/baseline.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, showTime } from "../../lib/output.ts"
import type { Lab } from "../../lab/lab.ts"
import { getInjection, type Injection } from "../../store/injections.ts"
import type { Store } from "../../store/open.ts"

/** After the end of faults in a lab: says by what it is seen that they are felt no longer, and when the lab was well again. */
export async function tellRecovery(
  store: Store,
  lab: Lab,
  injections: readonly Injection[],
  signal: AbortSignal,
): Promise<void> {
  const ended = injections.flatMap(({ id }) => getInjection(store, id) ?? [])
  if (ended.length === 0) return
  for (const one of ended) {
    const { felt, evidence } = await lookAgain(store, lab, one)
    note(`${one.id} ${felt ? "is still felt" : "is felt no longer"}: ${evidence}`)
  }
  note(`waiting until every gate of ${lab.id} holds again; Ctrl-C stops the wait`)
  const recovered_at = await awaitRecovery(store, lab, ended, signal)
  if (recovered_at === undefined) {
    const why = signal.aborted ? "nobody waited" : `not within ${showDuration(lab.subject.ready.timeout)}`
    return note(`${lab.id} is not known to be well again: ${why}; operator monitor ${lab.id} says what fails`)
  }
  const last = Math.max(...ended.map(({ reverted_at, created_at }) => Date.parse(reverted_at ?? created_at)))
  const after_ms = Math.max(0, Date.parse(recovered_at) - last)
  note(
    `${lab.id} is well again since ${showTime(recovered_at).slice(0, 8)} UTC, ${showDuration(after_ms)} after the fault was gone`,
  )
}
