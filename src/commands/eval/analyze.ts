import { analyze } from "../../eval/analysis.ts"
import { findStoredCampaign } from "../../eval/find.ts"
import { defineCommand } from "../../lib/command.ts"
import { printJson } from "../../lib/output.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"
import { printAnalysis } from "./print-analysis.ts"

export default defineCommand({
  about:
    "All measures of a campaign, or of several together: by variant over all cells, and cell by cell, with intervals.",
  examples: ["operator eval analyze last", "operator eval analyze 2026-01-28T20 2026-01-29 --json"],
  args: {
    campaign: {
      type: "positional",
      complete: "campaign-id",
      multiple: true,
      description: "campaigns, or the beginnings of their ids; or `last`",
    },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const campaigns = [...new Set(args.campaign.map((word) => findStoredCampaign(store, word)))]
    const analysis = analyze(store, campaigns)
    store.close()
    if (args.json) printJson(analysis)
    else printAnalysis(analysis, store.file)
  },
})
