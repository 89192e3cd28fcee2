import { createInterface } from "node:readline"
import { healLab } from "../../chaos/heal.ts"
import { GOODBYE, KEEP } from "../../lab/guardian.ts"
import { openLab } from "../../lab/open.ts"
import { defineCommand } from "../../lib/command.ts"
import { getLab, takeOver } from "../../store/labs.ts"
import { openStore, type Store, storeFile } from "../../store/open.ts"

/** A timer cannot be set further ahead than this; the deadline is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Watches over one lab: heals and removes it when its owner dies, when it is told to end (TERM), or at its deadline. */
export default defineCommand({
  args: { lab: { type: "string", required: true, description: "the lab to watch over" } },
  run: async ({ args }) => {
    const store = openStore(storeFile(args.db))
    const row = getLab(store, args.lab)
    if (!row) throw new Error(`the store does not know ${args.lab}`)
    const lab = await openLab(store, row)
    for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined)
    const ending = ended(store, lab.id, new Date(row.deadline_at))
    process.stdout.write("ready\n")
    const end = await ending
    if (end !== "in good order") await healLab(store, lab, { by: "guardian", reason: end })
    store.close()
  },
})

// internal

/** Why the watch ended, whichever reason comes first. */
function ended(store: Store, lab: string, deadline: Date): Promise<string> {
  return new Promise((resolve) => {
    let kept = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const lifeline = createInterface({ input: process.stdin })
    const end = (reason: string) => {
      clearTimeout(timer)
      lifeline.close()
      resolve(reason)
    }
    lifeline.on("line", (word) => {
      if (word === GOODBYE) end("in good order")
      if (word !== KEEP) return
      kept = true
      takeOver(store, lab)
    })
    lifeline.on("close", () => {
      if (!kept) end("its owner died")
    })
    process.on("SIGTERM", () => end(kept ? "it was taken down" : "its guardian was told to end"))
    const watchDeadline = () => {
      const left_ms = deadline.getTime() - Date.now()
      if (left_ms <= 0) end("its deadline passed")
      else timer = setTimeout(watchDeadline, Math.min(left_ms, MAX_TIMER_MS))
    }
    watchDeadline()
  })
}
