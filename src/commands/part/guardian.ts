import { statSync } from "node:fs"
import { healLab, PATIENCE_MS } from "../../chaos/heal.ts"
import { lookAfter } from "../../chaos/look-after.ts"
import { GOODBYE, KEEP, NOT_UP } from "../../lab/guardian.ts"
import { holdLifeline } from "../../lib/lifeline.ts"
import { openLab, openLabToDestroy } from "../../lab/open.ts"
import { defineCommand } from "../../lib/command.ts"
import { getLab, takeOver } from "../../store/labs.ts"
import { openStore, type Store, storeFile } from "../../store/open.ts"

const IN_GOOD_ORDER = "in good order"
/** The owner may move the deadline, and somebody may delete the store, so both are looked at this often. */
const LOOK_EVERY_MS = 1_000

/**
 * Watches over one lab: heals and removes it when its owner dies, when it is told to end (TERM), or at its deadline; also when the
 * store is deleted, since nobody finds the lab then. Until that it takes away each fault that has outlived its time or its injector.
 */
export default defineCommand({
  args: { lab: { type: "string", required: true, description: "the lab to watch over" } },
  run: async ({ args }) => {
    const store = openStore(storeFile(args.db))
    const row = getLab(store, args.lab)
    if (!row) throw new Error(`the store does not know ${args.lab}`)
    const lab = await openLabToDestroy(store, row)
    for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined)
    const ending = ended(store, lab.id)
    process.stdout.write("ready\n")
    const over = new AbortController()
    void lookAfter(store, lab.id, () => openLab(store, row), over.signal)
    const end = await ending
    over.abort()
    if (end !== IN_GOOD_ORDER) await healLab(store, lab, { by: "guardian", reason: end, patience_ms: PATIENCE_MS })
    store.close()
  },
})

// internal

/** Why the watch ended, whichever reason comes first. */
function ended(store: Store, lab: string): Promise<string> {
  return new Promise((resolve) => {
    let kept = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const end = (reason: string) => {
      clearTimeout(timer)
      resolve(reason)
    }
    const ownerGone = holdLifeline((word) => {
      if (word === GOODBYE) end(IN_GOOD_ORDER)
      if (word.startsWith(NOT_UP)) end(String(JSON.parse(word.slice(NOT_UP.length))))
      if (word !== KEEP) return
      kept = true
      takeOver(store, lab)
    })
    void ownerGone.then(() => {
      if (!kept) end("its owner died")
    })
    process.on("SIGTERM", () => end(kept ? "it was taken down" : "its guardian was told to end"))
    const file = fileOf(store)
    const watchDeadline = () => {
      if (fileOf(store) !== file) return end("its store was deleted")
      const row = getLab(store, lab)
      const left_ms = row ? Date.parse(row.deadline_at) - Date.now() : 0
      if (row?.state === "destroyed") end(IN_GOOD_ORDER)
      else if (left_ms <= 0) end("its deadline passed")
      else timer = setTimeout(watchDeadline, Math.min(left_ms, LOOK_EVERY_MS))
    }
    watchDeadline()
  })
}

/** Which file it is; undefined when there is none. */
function fileOf({ file }: Store): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}
