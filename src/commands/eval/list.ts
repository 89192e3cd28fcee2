import { listOutcomes } from "../../eval/campaigns.ts"
import { defineCommand } from "../../lib/command.ts"
import { ago, note, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { openStoreToList } from "../../store/open.ts"

export default defineCommand({
  about: "The campaigns that the store holds, newest first: how far each is, and how many trials were a success.",
  examples: ["operator eval list", "operator eval list -n 5 --json"],
  args: { limit: { type: "number", alias: "n", integer: true, min: 1, default: 20, description: "at most so many" } },
  run: ({ args }) => {
    const store = openStoreToList(args.db)
    const campaigns = listOutcomes(store, args.limit)
    store.close()
    if (args.json) return printJson(campaigns)
    if (campaigns.length === 0) return note("No campaign yet. operator campaign --help shows how to run one.")
    const now = new Date()
    printTable(campaigns, [
      { title: "CAMPAIGN", value: ({ id }) => id },
      { title: "NAME", value: ({ name }) => name, flexible: true },
      { title: "STATE", value: ({ state }) => state, paint: ({ state }, colours) => colours[COLOUR[state]] },
      { title: "TRIALS", value: ({ done, total }) => `${done}/${total}`, align: "right" },
      { title: "CREATED", value: ({ created_at }) => ago(created_at, now) },
      {
        title: "SUCCESS",
        value: ({ variants }) => variants.map(({ variant, n, successes }) => `${variant} ${successes}/${n}`).join(", "),
        flexible: true,
      },
    ])
    note("operator eval show ID tells what came of one")
  },
})

// internal

const COLOUR = { running: "cyan", unfinished: "yellow", finished: "dim" } as const
