import { revert } from "../../chaos/revert.ts"
import { defineCommand } from "../../lib/command.ts"
import { CheckFailed, UsageError } from "../../lib/errors.ts"
import { note, printJson } from "../../lib/output.ts"
import { matchPrefix } from "../../lib/prefix.ts"
import { openLab } from "../../lab/open.ts"
import { allInjections, type Injection, isOpen } from "../../store/injections.ts"
import { getLab } from "../../store/labs.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"

export default defineCommand({
  about: "Undoes injections, and says what was seen afterwards (exit 3 when a fault is still there).",
  examples: ["operator chaos revert i-3f9a2c", "operator chaos revert --all"],
  args: {
    injection: {
      type: "positional",
      required: false,
      complete: "injection",
      description: "an injection, or the beginning of its id",
    },
    all: { type: "boolean", description: "everything that was injected by hand and may still be there" },
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
    const results = []
    for (const injection of chosen) {
      const row = getLab(store, injection.lab)
      const open = isOpen(injection) && row !== undefined && row.state !== "destroyed"
      const phase = open ? await revert(store, await openLab(store, row), injection) : injection.phase
      results.push({ injection: injection.id, fault: injection.fault, lab: injection.lab, phase })
    }
    store.close()
    if (args.json) printJson(results)
    else for (const { injection, fault, lab, phase } of results) note(`${injection} (${fault} in ${lab}): ${phase}`)
    if (results.length === 0) note("nothing is broken")
    if (results.some(({ phase }) => phase === "failed"))
      throw new CheckFailed("a fault is still there", { hint: "operator chaos status says why" })
  },
})
