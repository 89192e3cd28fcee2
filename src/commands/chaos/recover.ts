import { awaitRecovery } from "../../campaign/recovery.ts"
import { lookAgain } from "../../chaos/baseline.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, showTimeOfDay } from "../../lib/output.ts"
import type { Lab } from "../../lab/lab.ts"
import { getInjection, type Injection, injectionsOf, isOpen } from "../../store/injections.ts"
import type { Store } from "../../store/open.ts"

/**
 * After the end of faults in a lab: says by what it is seen that they are felt no longer, and when the lab was well again. False when it
 * is not, though nothing else is broken and nobody has stopped the wait.
 */
export async function tellRecovery(
  store: Store,
  lab: Lab,
  injections: readonly Injection[],
  signal: AbortSignal,
): Promise<boolean> {
  const ended = injections.flatMap(({ id }) => getInjection(store, id) ?? [])
  if (ended.length === 0) return true
  for (const one of ended) {
    const { felt, evidence } = await lookAgain(store, lab, one)
    const how = felt === null ? "may be felt, nobody can tell" : felt ? "is still felt" : "is felt no longer"
    note(`${one.id} ${how}: ${evidence}`)
  }
  const others = injectionsOf(store, lab.id).filter(isOpen)
  if (others.length > 0) {
    note(
      `${others.map(({ id, fault }) => `${id} (${fault})`).join(", ")} is still there, so that nobody waits for ${lab.id} to be well`,
    )
    return true
  }
  note(`waiting until every gate of ${lab.id} holds again; Ctrl-C stops the wait`)
  const end = await awaitRecovery(store, lab, ended, signal)
  if ("failing" in end) {
    const why = signal.aborted ? "nobody waited" : `not within ${showDuration(lab.subject.ready.timeout)}`
    const failing = end.failing.length > 0 ? `; what fails: ${end.failing.join(", ")}` : ""
    note(`${lab.id} is not known to be well again: ${why}${failing}`)
    return signal.aborted
  }
  const { recovered_at } = end
  const last = Math.max(...ended.map(({ reverted_at, created_at }) => Date.parse(reverted_at ?? created_at)))
  const after_ms = Math.max(0, Date.parse(recovered_at) - last)
  note(
    `${lab.id} is well again since ${showTimeOfDay(recovered_at)} UTC, ${showDuration(after_ms)} after the fault was gone`,
  )
  return true
}
