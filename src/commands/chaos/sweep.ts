import { existsSync } from "node:fs"
import { sweep, sweepStrays, toBeSwept } from "../../chaos/sweep.ts"
import { defineCommand } from "../../lib/command.ts"
import { OperatorError } from "../../lib/errors.ts"
import { note, print, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { findStrays, type Strays } from "../../lab/strays.ts"
import { openExistingStore, openStoreReadOnly, storeFile } from "../../store/open.ts"
import { noteTidied } from "../sweep-at-start.ts"

export default defineCommand({
  about:
    "Heals and removes the labs that nobody answers for any more: their owner and their guardian are both dead. With --force every lab of this store, and, known by folders, processes and labels alone, what is left in its folder of labs that no store knows, also when the store itself is gone. Never another store's labs, and of an adopted lab nothing but the kitchen of a killed agent.",
  examples: ["operator chaos sweep", "operator chaos sweep --force --dry-run", "operator chaos sweep --force"],
  args: {
    force: {
      type: "boolean",
      description: "also labs that are in use, and those that no store knows; never an adopted one",
    },
    "dry-run": { type: "boolean", description: "says what would be removed; removes nothing" },
  },
  run: async ({ args }) => {
    const file = storeFile(args.db)
    const force = args.force === true
    if (args["dry-run"]) return preview(file, force, args.json === true)
    const swept = await sweepRecords(file, force)
    const found = await findStrays(file)
    const { removed, failures } = force ? await sweepStrays(found) : { removed: [], failures: [] }
    const ids = [...swept.ids, ...removed.map(({ id }) => id)]
    if (args.json) printJson(ids)
    else for (const id of ids) print(id)
    if (ids.length === 0 && swept.tidied === 0) note("nothing to sweep")
    if (!force) noteLeft(found)
    if (force && found.unseen !== undefined) swept.failures.push(`what was left at the engine: ${found.unseen}`)
    const all = [...swept.failures, ...failures]
    if (all.length > 0) throw new OperatorError(`labs could not be healed: ${all.join("; ")}`)
  },
})

// internal

interface Records {
  ids: string[]
  tidied: number
  failures: string[]
}

/** What the records say. With `force` there need not be any. */
async function sweepRecords(file: string, force: boolean): Promise<Records> {
  if (force && !existsSync(file)) return { ids: [], tidied: 0, failures: [] }
  const store = openExistingStore(file)
  const { healed, tidied, unseen, failures } = await sweep(store, { force })
  store.close()
  noteTidied(tidied)
  if (unseen !== undefined) failures.push(`what was left beside adopted labs: ${unseen}`)
  return { ids: healed.map(({ id }) => id), tidied: tidied.length, failures }
}

async function preview(file: string, force: boolean, json: boolean): Promise<void> {
  const store = force && !existsSync(file) ? undefined : openStoreReadOnly(file)
  const recorded = store ? toBeSwept(store, { force }) : []
  store?.close()
  const found = await findStrays(file)
  const would = [
    ...recorded.map(({ id, trial, dir }) => ({
      id,
      dir,
      why: trial === null ? "of this store" : `of the trial ${trial}`,
    })),
    ...(force ? found.strays : []).map(({ id, dir, has }) => ({
      id,
      dir,
      why: `no store knows it: ${has.join(", ")}`,
    })),
  ]
  if (json) return printJson(would)
  if (would.length > 0) {
    printTable(would, [
      { title: "LAB", value: ({ id }) => id },
      { title: "WHY", value: ({ why }) => why, flexible: true },
      { title: "FOLDER", value: ({ dir }) => dir, flexible: true },
    ])
  }
  note(would.length === 0 ? "nothing to sweep" : "nothing was removed")
  if (!force) noteLeft(found)
  const { of_others } = found
  if (of_others.length > 0) note(`of other stores, and never touched from here: ${of_others.join(", ")}`)
}

function noteLeft({ strays }: Strays): void {
  if (strays.length === 0) return
  note(`left: no store knows ${strays.map(({ id }) => id).join(", ")}; operator chaos sweep --force removes that`)
}
