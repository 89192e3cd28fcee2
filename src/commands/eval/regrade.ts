import { findStoredCampaign } from "../../eval/find.ts"
import { type Change, regrade, type Regrading } from "../../eval/regrade.ts"
import { defineCommand } from "../../lib/command.ts"
import { note, oneLine, print, printJson } from "../../lib/output.ts"
import type { Column } from "../../lib/table.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"
import { printGroups } from "../campaign/groups.ts"
import { cellName, trialName, VERDICT_COLOUR } from "../campaign/words.ts"

export default defineCommand({
  about:
    "Judges recorded trials again by the current judge. A judgement is added beside the older ones; none is replaced.",
  examples: ["operator eval regrade last", "operator eval regrade --json"],
  args: {
    campaign: {
      type: "positional",
      required: false,
      complete: "campaign-id",
      description: "a campaign, or the beginning of its id; or `last`; left out: all",
    },
  },
  run: async ({ args }) => {
    const store = openExistingStore(storeFile(args.db))
    const campaign = args.campaign === undefined ? null : findStoredCampaign(store, args.campaign)
    const regrading = await regrade(store, campaign)
    store.close()
    if (args.json) printJson(regrading)
    else printRegrading(regrading)
  },
})

// internal

function printRegrading({ judge_version, looked_at, running, added, changed, failed }: Regrading): void {
  if (changed.length > 0) {
    printGroups(changed, {
      heading: ({ campaign }) => campaign,
      layouts: [
        [TRIAL, BEFORE, BY, AFTER, FACTS, LOG],
        [TRIAL, BEFORE, AFTER, LOG],
        [TRIAL, BEFORE, AFTER],
      ],
    })
    print("")
  }
  const verdicts = changed.filter(({ before, after }) => before.verdict !== after).length
  print(
    `judge ${judge_version} looked at ${looked_at} attempts: ${verdicts} verdicts changed, ${added} judgements added`,
  )
  if (running > 0) note(`${running} attempts have not ended, and were left alone`)
  for (const { trial, reason } of failed) note(`${trial} could not be judged: ${oneLine(reason)}`)
}

const TRIAL: Column<Change> = { title: "TRIAL", value: (change) => trialName(cellName(change), change), flexible: true }
const BEFORE: Column<Change> = { title: "BEFORE", value: ({ before }) => before.verdict ?? "not judged" }
const BY: Column<Change> = {
  title: "BY JUDGE",
  value: ({ before }) => before.judge_version ?? "–",
  align: "right",
}
const AFTER: Column<Change> = {
  title: "NOW",
  value: ({ after }) => after,
  paint: ({ after }, colours) => colours[VERDICT_COLOUR[after]],
}
const FACTS: Column<Change> = { title: "FACTS THAT DIFFER", value: ({ facts }) => facts.join(", "), flexible: true }
const LOG: Column<Change> = { title: "LOG", value: ({ lab, trial }) => lab ?? trial }
