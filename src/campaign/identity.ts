import { UsageError } from "../lib/errors.ts"
import { timedId } from "../lib/ids.ts"
import { claimCampaign, createCampaign, listCampaigns } from "../store/campaigns.ts"
import type { Store } from "../store/open.ts"
import { type Matrix, type PlannedTrial, storedTrials } from "./matrix.ts"

/** What to do when a campaign of this name was begun and not finished. */
export type Resumption = "same" | "continue" | "new" | "exact"

export interface OpenedCampaign {
  id: string
  trials: PlannedTrial[]
  continued: boolean
}

/**
 * Opens the campaign that a matrix stands for, and makes this process its runner. Unfinished, it goes on where it was;
 * finished, a new run begins. One that was changed since is neither: `continue` goes on with it as it was begun, `new` begins anew.
 * `exact` goes on only with one that is the same in everything: what is typed as flags has no name of its own. `limit_usd` is
 * no part of what makes it the same, so that one of which the dollars ran out goes on with more; null leaves the limit as it is.
 */
export function openCampaign(
  store: Store,
  matrix: Matrix,
  resumption: Resumption,
  limit_usd: number | null = null,
): OpenedCampaign {
  const exact = resumption === "exact" ? { matrix_hash: matrix.hash } : {}
  const [last] = listCampaigns(store, { name: matrix.name, limit: 1, ...exact })
  if (!last || last.ended_at !== null || resumption === "new") {
    const id = timedId(store.clock.now())
    const { name, hash: matrix_hash, trials } = matrix
    createCampaign(store, { id, name, matrix_hash, matrix: JSON.stringify(trials), limit_usd })
    return { id, trials: matrix.trials, continued: false }
  }
  if (last.matrix_hash !== matrix.hash && resumption === "same") {
    throw new UsageError(
      `the campaign "${matrix.name}" was changed since it was begun (${last.id}), and is not finished`,
      {
        hint: "--continue finishes it as it was begun, --new begins anew",
      },
    )
  }
  const runner = claimCampaign(store, last.id, limit_usd)
  if (runner) {
    throw new UsageError(`the campaign "${matrix.name}" is running: process ${runner.pid}, store ${store.file}`, {
      hint: "wait for it, or interrupt it with Ctrl-C there; --new runs it a second time",
    })
  }
  return { id: last.id, trials: storedTrials(last.matrix), continued: true }
}
