import { defineCommand } from "../lib/command.ts"
import { messageOf } from "../lib/errors.ts"
import { ago, note, printJson } from "../lib/output.ts"
import { printTable } from "../lib/table.ts"
import type { Node } from "../lab/lab.ts"
import { openLab } from "../lab/open.ts"
import { isOrphan, type LabRow, livingLabs } from "../store/labs.ts"
import { openStoreToList, type Store } from "../store/open.ts"

export default defineCommand({
  about: "The labs that are up, with the state of their nodes.",
  examples: ["operator labs", "operator labs --json | jq -r '.[].lab'"],
  args: {},
  run: async ({ args }) => {
    const store = openStoreToList(args.db)
    const labs = await Promise.all(
      livingLabs(store).map(async (row) => {
        const nodes = (await nodesOf(store, row)).map(({ name, state, process }) => ({
          name,
          state,
          pid: process?.pid ?? null,
        }))
        return {
          lab: row.id,
          subject: row.subject,
          platform: row.platform,
          trial: row.trial,
          adopted: row.adopted,
          orphan: isOrphan(row),
          dir: row.dir,
          created_at: row.created_at,
          deadline_at: row.adopted === null ? row.deadline_at : null,
          nodes,
        }
      }),
    )
    store.close()
    if (args.json) return printJson(labs)
    if (labs.length === 0) return note("no lab is up; operator up SUBJECT makes one")
    const now = new Date()
    printTable(labs, [
      { title: "LAB", value: (lab) => lab.lab },
      { title: "SUBJECT", value: (lab) => lab.subject },
      { title: "ON", value: (lab) => lab.platform },
      { title: "FOR", value: (lab) => madeFor(lab.trial, lab.adopted) },
      {
        title: "NODES",
        value: (lab) =>
          lab.nodes.map(({ name, state }) => (state === "running" ? name : `${name} (${state})`)).join(" "),
        flexible: true,
      },
      { title: "CREATED", value: (lab) => ago(lab.created_at, now) },
      { title: "", value: (lab) => (lab.orphan ? "orphan: operator chaos sweep" : ""), paint: (_, { red }) => red },
    ])
  },
})

// internal

function madeFor(trial: string | null, adopted: string | null): string {
  if (adopted !== null) return `adopted: ${adopted}`
  return trial === null ? "hand" : `trial ${trial}`
}

/** One lab that cannot be read, since an earlier operator made it, must not hide the others. */
async function nodesOf(store: Store, row: LabRow): Promise<Node[]> {
  try {
    return await (await openLab(store, row)).nodes()
  } catch (error) {
    note(`${row.id}: ${messageOf(error)}`)
    return []
  }
}
