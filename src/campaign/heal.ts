import { destroyLab, PATIENCE_MS } from "../chaos/heal.ts"
import { revertAll } from "../chaos/revert.ts"
import { checkLedger } from "../lab/workload/check.ts"
import { append } from "../store/events.ts"
import type { Store } from "../store/open.ts"
import { evidenceHash } from "../store/seal.ts"
import { enterStage } from "../store/trials.ts"
import type { Stand } from "./stand.ts"
import { captureState } from "./state.ts"

/** After the revert the subject may need a while before every acknowledged write can be read. */
const LEDGER_TIMEOUT_MS = 10_000

/** Takes the last evidence, reverts what is still broken, checks the ledger, seals it all, and destroys the lab. */
export async function heal(store: Store, trial: string, stand: Stand): Promise<void> {
  const { lab } = stand
  enterStage(store, trial, lab.id, "healing")
  await stand.quiet()
  await captureState(store, lab, "after")
  await revertAll(store, lab)
  append(store, lab.id, "trial.ledger", await checkLedger(store, lab, { timeout_ms: LEDGER_TIMEOUT_MS }))
  append(store, lab.id, "trial.sealed", {
    trial,
    samples: evidenceHash(store, "samples", lab.id),
    ledger: evidenceHash(store, "ledger", lab.id),
    snapshots: evidenceHash(store, "snapshots", lab.id),
    host_load: evidenceHash(store, "host_load", lab.id),
  })
  await destroyLab(store, lab, { by: "trial", reason: "the trial has ended", patience_ms: PATIENCE_MS })
}
