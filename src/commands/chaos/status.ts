import { presenceOf } from "../../chaos/revert.ts"
import { defineCommand } from "../../lib/command.ts"
import { messageOf } from "../../lib/errors.ts"
import { ago, note, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { openLab } from "../../lab/open.ts"
import { allInjections, type Injection, isOpen } from "../../store/injections.ts"
import { getLab, isEnding } from "../../store/labs.ts"
import { openStoreToList, type Store } from "../../store/open.ts"

export default defineCommand({
  about: "Injections that were not undone, and whether each is still in the world; with --all, every one.",
  examples: ["operator chaos status", "operator chaos status --all --json"],
  args: { all: { type: "boolean", description: "those that are over, too" } },
  run: async ({ args }) => {
    const store = openStoreToList(args.db)
    const chosen = allInjections(store).filter((injection) => args.all || isOpen(injection))
    const injections = await Promise.all(chosen.map(async (one) => ({ ...one, now: await now(store, one) })))
    store.close()
    if (args.json) return printJson(injections)
    if (injections.length === 0)
      return note(args.all ? "nothing was ever injected" : "nothing is broken; --all shows what was")
    const today = new Date()
    printTable(injections, [
      { title: "INJECTION", value: (injection) => injection.id },
      { title: "LAB", value: (injection) => injection.lab },
      { title: "FAULT", value: (injection) => injection.fault },
      { title: "TARGETS", value: (injection) => injection.targets.join(" ") },
      { title: "RECORD", value: (injection) => injection.phase },
      { title: "EFFECT", value: (injection) => injection.confirmation },
      { title: "NOW", value: (injection) => injection.now },
      { title: "CREATED", value: (injection) => ago(injection.created_at, today) },
      { title: "REASON", value: (injection) => injection.reason, flexible: true },
    ])
  },
})

// internal

/** What a look at the world says of it: "active", "gone", "void", or why that cannot be told. */
async function now(store: Store, injection: Injection): Promise<string> {
  const row = getLab(store, injection.lab)
  if (!isOpen(injection) || !row || isEnding(row)) return "gone"
  try {
    return await presenceOf(await openLab(store, row), injection)
  } catch (error) {
    return `unknown: ${messageOf(error)}`
  }
}
