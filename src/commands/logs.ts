import { defineCommand } from "../lib/command.ts"
import { print, printJson } from "../lib/output.ts"
import { openLab } from "../lab/open.ts"
import { openStoreReadOnly, storeFile } from "../store/open.ts"
import { whichLab } from "./which-lab.ts"

export default defineCommand({
  about: "The end of the logs of a lab's nodes.",
  examples: ["operator logs ratelimiter-7f3a", "operator logs ratelimiter-7f3a limiter-b --tail 200"],
  args: {
    lab: { type: "positional", complete: "lab", description: "a lab, or the beginning of its id" },
    node: {
      type: "positional",
      required: false,
      complete: "node",
      description: "one node, or its service; all of them when left out",
    },
    tail: { type: "number", integer: true, min: 1, default: 50, description: "lines of each log" },
  },
  run: async ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const lab = await openLab(store, whichLab(store, args.lab))
    const names = args.node === undefined ? (await lab.nodes()).map(({ name }) => name) : [args.node]
    const logs = await Promise.all(
      names.map(async (node) => {
        const text = await lab.logs(node, { lines: args.tail })
        return { node, lines: text.split("\n").filter((line) => line !== "") }
      }),
    )
    store.close()
    if (args.json) return printJson(logs)
    for (const { node, lines } of logs) for (const line of lines) print(names.length > 1 ? `${node} | ${line}` : line)
  },
})
