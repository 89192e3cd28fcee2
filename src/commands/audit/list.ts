import { listLogs } from "../../audit/list.ts"
import { defineCommand } from "../../lib/command.ts"
import { ago, note, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { openStoreToList } from "../../store/open.ts"

export default defineCommand({
  about: "The logs that the store holds, newest first: one for each lab, and the attempts that never came to a lab.",
  examples: ["operator audit list", "operator audit list -n 5 --json"],
  args: { limit: { type: "number", alias: "n", integer: true, min: 1, default: 20, description: "at most so many" } },
  run: ({ args }) => {
    const store = openStoreToList(args.db)
    const logs = listLogs(store, args.limit)
    store.close()
    if (args.json) return printJson(logs)
    if (logs.length === 0) return note("No log yet. operator campaign --help shows how to run a trial.")
    const now = new Date()
    printTable(logs, [
      { title: "LAB", value: (log) => log.lab ?? "–" },
      { title: "TRIAL", value: (log) => log.trial ?? "" },
      { title: "FAULT", value: (log) => log.fault ?? "" },
      { title: "VARIANT", value: (log) => log.variant ?? "" },
      { title: "STATE", value: (log) => log.stage ?? log.state },
      { title: "VERDICT", value: (log) => log.verdict ?? "" },
      { title: "EVENTS", value: (log) => String(log.events), align: "right" },
      { title: "CREATED", value: (log) => ago(log.created_at, now) },
    ])
    note("operator audit show ID tells the story of one")
  },
})
