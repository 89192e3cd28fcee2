import { compareAll } from "../../eval/compare.ts"
import { findStoredCampaign } from "../../eval/find.ts"
import { sidesAgainst } from "../../eval/sides.ts"
import { defineCommand } from "../../lib/command.ts"
import { printJson } from "../../lib/output.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"
import { printComparisons } from "./print-comparison.ts"

export default defineCommand({
  about: "Every variant of a campaign against a baseline, pair by pair: nobody, unless another one is named.",
  examples: [
    "operator eval compare-baseline last",
    "operator eval compare-baseline last --baseline restart-bot --json",
  ],
  args: {
    campaign: {
      type: "positional",
      complete: "campaign-id",
      description: "a campaign, or the beginning of its id; or `last`",
    },
    baseline: {
      type: "string",
      valueHint: "V",
      default: "nobody",
      complete: "variant",
      description: "the variant to beat",
    },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const comparisons = compareAll(sidesAgainst(store, findStoredCampaign(store, args.campaign), args.baseline))
    store.close()
    if (args.json) printJson(comparisons)
    else printComparisons(comparisons)
  },
})
