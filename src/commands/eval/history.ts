import { historyOf, type Chapter } from "../../eval/history.ts"
import { defineCommand } from "../../lib/command.ts"
import { ago, note, printJson } from "../../lib/output.ts"
import type { Column } from "../../lib/table.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"
import { printGroups } from "../campaign/groups.ts"
import { summaryTable } from "../campaign/summary-table.ts"
import { cellName, showInterval } from "../campaign/words.ts"
import { showMean, showPerSuccess } from "./scores.ts"

export default defineCommand({
  about:
    "What came of a fault of a subject in each campaign that tried it, the oldest first, and what was changed in between.",
  examples: [
    "operator eval history ratelimiter node_pause",
    "operator eval history etcd node_kill --variant default --json",
  ],
  args: {
    subject: { type: "positional", complete: "subject", description: "what was run" },
    fault: { type: "positional", complete: "fault", description: "how it was broken" },
    variant: { type: "string", valueHint: "V", complete: "variant", description: "of one variant alone" },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const history = historyOf(store, args.subject, args.fault, args.variant)
    store.close()
    if (args.json) return printJson(history)
    if (history.length === 0) return note(`${args.variant} was never tried at ${args.fault} of ${args.subject}`)
    printGroups(history, { heading: (chapter) => `${cellName(chapter)} · ${chapter.variant}`, layouts: LAYOUTS })
  },
})

// internal

const CAMPAIGN: Column<Chapter> = { title: "CAMPAIGN", value: ({ campaign }) => campaign }
const SHORT: Column<Chapter> = { title: "CAMPAIGN", value: ({ campaign }) => campaign.slice(0, 19) }
const WHEN: Column<Chapter> = { title: "WHEN", value: ({ at }) => ago(at, new Date()) }
const CHANGED: Column<Chapter> = {
  title: "CHANGED SINCE",
  value: ({ changed }) => changed.join(", "),
  paint: (_, { yellow }) => yellow,
}
const INTERVAL: Column<Chapter> = {
  title: "INTERVAL",
  value: ({ n, success }) => (n === 0 ? "–" : showInterval(success)),
  align: "right",
}
const MEAN: Column<Chapter> = {
  title: "RECOVERED, MEAN",
  value: ({ times }) => showMean(times.recovered),
  align: "right",
}
const PER_SUCCESS: Column<Chapter> = {
  title: "PER SUCCESS",
  value: ({ dollars }) => showPerSuccess(dollars),
  align: "right",
}

/** Without the variant, which is in the heading. */
const REST = (summaryTable().layouts[0] ?? []).slice(1)
const SUCCESS = REST.slice(0, 1)

const LAYOUTS: Column<Chapter>[][] = [
  [CAMPAIGN, WHEN, ...REST, MEAN, PER_SUCCESS, CHANGED],
  [SHORT, WHEN, ...SUCCESS, INTERVAL, MEAN, CHANGED],
  [SHORT, ...SUCCESS, INTERVAL, CHANGED],
]
