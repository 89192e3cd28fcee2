import { findStoredCampaign } from "../eval/find.ts"
import { existsSync } from "node:fs"
import { discover } from "../lib/discovery.ts"
import { getCampaign } from "../store/campaigns.ts"
import type { Store } from "../store/open.ts"
import { findCampaign } from "./file.ts"
import { type PlannedTrial, resolveMatrix, storedTrials } from "./matrix.ts"

/** One repetition of everything that a campaign runs, and how it would be run. */
export interface Block {
  name: string
  trials: PlannedTrial[]
  /** As its file says; of one in the store it is not known. */
  parallel: number
  cooldown_ms: number
}

/** Of a campaign's file, by its name or its path, or of one in the store, by the beginning of its id or `last`. */
export async function findBlock(store: Store, word: string): Promise<Block> {
  if (discover("campaigns").some(({ name }) => name === word) || existsSync(word) || /[/.]/.test(word)) {
    const request = await findCampaign(word)
    const { name, parallel, cooldown_ms } = request
    return { name, trials: (await resolveMatrix(store, { ...request, trials: 1 })).trials, parallel, cooldown_ms }
  }
  const id = findStoredCampaign(store, word)
  const trials = storedTrials(getCampaign(store, id)?.matrix ?? "[]")
  const first = Math.min(...trials.map(({ repetition }) => repetition))
  const block = trials.filter(({ repetition }) => repetition === first)
  return { name: id, trials: block, parallel: 1, cooldown_ms: 0 }
}
