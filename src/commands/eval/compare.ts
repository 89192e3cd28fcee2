import { compareAll } from "../../eval/compare.ts"
import { sidesOf } from "../../eval/sides.ts"
import { defineCommand } from "../../lib/command.ts"
import { printJson } from "../../lib/output.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"
import { printComparisons } from "./print-comparison.ts"

export default defineCommand({
  about:
    "Whether A and B differ: two variants of one campaign, or two campaigns, by the trials that both have with the same cell, seed and repetition.",
  examples: [
    "operator eval compare restart-bot default",
    "operator eval compare sonnet default --campaign 2026-01-28T20 --json",
    "operator eval compare 2026-01-28T20 last",
  ],
  args: {
    a: { type: "positional", complete: "side", description: "a variant, or a campaign; `last` is the newest" },
    b: { type: "positional", complete: "side", description: "another one" },
    campaign: {
      type: "string",
      valueHint: "ID",
      complete: "campaign-id",
      description: "of two variants: in which campaign (the newest that has both)",
    },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const comparisons = compareAll(sidesOf(store, args.a, args.b, args.campaign))
    store.close()
    if (args.json) printJson(comparisons)
    else printComparisons(comparisons)
  },
})
