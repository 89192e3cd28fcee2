import { revert } from "../../chaos/revert.ts"
import { defineCommand } from "../../lib/command.ts"
import { CheckFailed, UsageError } from "../../lib/errors.ts"
import { interruption } from "../../lib/interruption.ts"
import { note, printJson } from "../../lib/output.ts"
import { matchPrefix } from "../../lib/prefix.ts"
import { openLab } from "../../lab/open.ts"
import { allInjections, getInjection, type Injection, isOpen } from "../../store/injections.ts"
import { getLab } from "../../store/labs.ts"
import { openExistingStore, type Store, storeFile } from "../../store/open.ts"
import { tellRecovery } from "./recover.ts"

export default defineCommand({
  about:
    "Undoes injections, and says what was seen afterwards (exit 3 when a fault is still there); then waits until the lab is well again, for the subject's ready.timeout at most.",
  examples: ["operator chaos revert i-3f9a2c", "operator chaos revert --all --no-wait"],
  args: {
    injection: {
      type: "positional",
      required: false,
      complete: "injection",
      description: "an injection, or the beginning of its id",
    },
    all: { type: "boolean", description: "everything that was injected by hand and may still be there" },
    wait: { type: "boolean", default: true, description: "does not wait until every gate holds again" },
  },
  run: async ({ args }) => {
    if ((args.injection === undefined) === !args.all)
      throw new UsageError("name one injection, or --all", { hint: "operator chaos status shows them" })
    const store = openExistingStore(storeFile(args.db))
    const known = allInjections(store)
    const id =
      args.injection &&
      matchPrefix(
        args.injection,
        known.map((one) => one.id),
        "injection",
        "operator chaos status --all shows them",
      )
    const byHand = ({ lab }: Injection) => getLab(store, lab)?.trial === null
    const chosen = known.filter((one) => (id === undefined ? isOpen(one) && byHand(one) : one.id === id)).reverse()
    const foreign = chosen.find((one) => isOpen(one) && !byHand(one))
    if (foreign) {
      throw new UsageError(`${foreign.id} belongs to the trial of ${foreign.lab}, which reverts it itself`, {
        hint: "interrupt the campaign with Ctrl-C; it heals its labs",
      })
    }
    const signal = interruption()
    const unwell: string[] = []
    for (const [lab, some] of Map.groupBy(chosen, (one) => one.lab)) {
      if (!(await undo(store, lab, some, args.wait, signal))) unwell.push(lab)
    }
    const results = chosen.map(({ id }) => {
      const { fault, lab, phase, reason, reverted_at, recovered_at } = getInjection(store, id)!
      return { injection: id, fault, lab, phase, reason, reverted_at, recovered_at }
    })
    store.close()
    if (args.json) printJson(results)
    if (results.length === 0) note("nothing is broken")
    if (results.some(({ phase }) => phase === "failed"))
      throw new CheckFailed("a fault is still there", { hint: "operator chaos status says why" })
    if (unwell.length > 0)
      throw new CheckFailed(`nothing is broken any more, and not well all the same: ${unwell.join(", ")}`, {
        hint: `operator monitor ${unwell[0]} says what fails; operator down ${unwell[0]} ends it`,
      })
  },
})

// internal

/** Undoes what is open in one lab, newest first. False when the lab is not well afterwards. */
async function undo(
  store: Store,
  id: string,
  injections: readonly Injection[],
  wait: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const row = getLab(store, id)
  const open = row === undefined || row.state === "destroyed" ? [] : injections.filter(isOpen)
  const lab = row !== undefined && open.length > 0 ? await openLab(store, row) : undefined
  const undone: Injection[] = []
  for (const one of injections) {
    const phase = lab && open.includes(one) ? await revert(store, lab, one) : one.phase
    note(`${one.id} (${one.fault} in ${id}): ${phase}`)
    if (open.includes(one) && phase !== "failed") undone.push(one)
  }
  return lab && wait ? tellRecovery(store, lab, undone, signal) : true
}
