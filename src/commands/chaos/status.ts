import { presenceOf } from "../../chaos/revert.ts"
import { defineCommand } from "../../lib/command.ts"
import { showDuration } from "../../lib/duration.ts"
import { messageOf } from "../../lib/errors.ts"
import { ago, note, printJson, showTimeOfDay } from "../../lib/output.ts"
import { matchPrefix } from "../../lib/prefix.ts"
import { printTable } from "../../lib/table.ts"
import { openLab } from "../../lab/open.ts"
import { allInjections, type Injection, isOpen } from "../../store/injections.ts"
import { getLab, isEnding, labIds } from "../../store/labs.ts"
import { openStoreToList, type Store } from "../../store/open.ts"

export default defineCommand({
  about: "Injections that were not undone, and whether each is still in the world; with --all, every one.",
  examples: ["operator chaos status", "operator chaos status etcd-7f3a --all", "operator chaos status --all --json"],
  args: {
    lab: {
      type: "positional",
      required: false,
      complete: "lab",
      description: "of one lab, or the beginning of its id; left out, of all",
    },
    all: { type: "boolean", description: "those that are over, too" },
  },
  run: async ({ args }) => {
    const store = openStoreToList(args.db)
    const lab = args.lab && matchPrefix(args.lab, labIds(store), "lab", "operator audit list shows every lab")
    const chosen = allInjections(store).filter(
      (injection) => (args.all || isOpen(injection)) && (lab === undefined || injection.lab === lab),
    )
    const injections = await Promise.all(chosen.map(async (one) => ({ ...one, now: await now(store, one) })))
    store.close()
    if (args.json) return printJson(injections)
    if (injections.length === 0)
      return note(
        args.all
          ? `nothing was ever injected${lab === undefined ? "" : ` into ${lab}`}`
          : "nothing is broken; --all shows what was",
      )
    const today = new Date()
    printTable(injections, [
      { title: "INJECTION", value: (injection) => injection.id },
      { title: "LAB", value: (injection) => injection.lab },
      { title: "FAULT", value: (injection) => injection.fault },
      { title: "TARGETS", value: (injection) => injection.targets.join(" ") },
      { title: "RECORD", value: (injection) => injection.phase },
      { title: "EFFECT", value: (injection) => injection.confirmation },
      { title: "NOW", value: (injection) => injection.now },
      { title: "ENDS", value: (injection) => ends(injection, today) },
      { title: "CREATED", value: (injection) => ago(injection.created_at, today) },
      { title: "REASON", value: (injection) => injection.reason, flexible: true },
    ])
  },
})

// internal

/** When it ends by itself, or how it has ended. */
function ends(injection: Injection, today: Date): string {
  const { expires_at, reverted_at, recovered_at } = injection
  if (isOpen(injection)) {
    if (expires_at === null) return "with its lab"
    const left_ms = Date.parse(expires_at) - today.getTime()
    return left_ms > 0 ? `in ${showDuration(left_ms)}` : "overdue"
  }
  if (reverted_at === null) return ""
  if (recovered_at === null) return `at ${showTimeOfDay(reverted_at)}`
  return `at ${showTimeOfDay(reverted_at)}, well after ${showDuration(Date.parse(recovered_at) - Date.parse(reverted_at))}`
}

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
