import { compareAll } from "../../eval/compare.ts"
import { sidesAt } from "../../eval/sides.ts"
import { defineCommand } from "../../lib/command.ts"
import { printJson } from "../../lib/output.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"
import { printComparisons } from "./print-comparison.ts"

export default defineCommand({
  about:
    "All variants that were tried at a fault of a subject, each against each, over all campaigns; pairs are of one campaign.",
  examples: [
    "operator eval compare-variants ratelimiter node_pause",
    "operator eval compare-variants etcd node_kill --json",
  ],
  args: {
    subject: { type: "positional", complete: "subject", description: "what was run" },
    fault: { type: "positional", complete: "fault", description: "how it was broken" },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const comparisons = compareAll(sidesAt(store, args.subject, args.fault))
    store.close()
    if (args.json) printJson(comparisons)
    else printComparisons(comparisons)
  },
})
