import { getOutcome } from "../../eval/campaigns.ts"
import { detailOf } from "../../eval/detail.ts"
import { findResult } from "../../eval/find.ts"
import { resultsOf } from "../../eval/results.ts"
import { summariesOf } from "../../eval/summary.ts"
import { defineCommand } from "../../lib/command.ts"
import { printJson } from "../../lib/output.ts"
import { openStoreReadOnly, type Store, storeFile } from "../../store/open.ts"
import { printCampaign } from "./print-campaign.ts"
import { printTrial } from "./print-trial.ts"

export default defineCommand({
  about: "What came of a campaign: its table and every trial. Or of one trial: its facts, judgements and sessions.",
  examples: [
    "operator eval show last",
    "operator eval show ratelimiter-7f",
    "operator eval show last --json --db artefact.db",
  ],
  args: {
    id: {
      type: "positional",
      complete: "result",
      description: "a campaign, a trial or its lab, or the beginning of its id; or `last`",
    },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const { kind, id } = findResult(store, args.id)
    if (kind === "campaign") showCampaign(store, id, args.json === true)
    else showTrial(store, id, args.json === true)
    store.close()
  },
})

// internal

function showCampaign(store: Store, id: string, json: boolean): void {
  const campaign = getOutcome(store, id)
  if (!campaign) throw new Error(`the store lost the campaign ${id}`)
  const trials = resultsOf(store, { campaign: id })
  if (json) printJson({ campaign, summary: summariesOf(trials), trials })
  else printCampaign(campaign, trials, store.file)
}

function showTrial(store: Store, id: string, json: boolean): void {
  const trial = detailOf(store, id)
  if (json) printJson(trial)
  else printTrial(trial, store.file)
}
