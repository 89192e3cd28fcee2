import { findFault } from "../../chaos/catalogue.ts"
import { inject } from "../../chaos/inject.ts"
import { defineCommand } from "../../lib/command.ts"
import { CheckFailed, UsageError } from "../../lib/errors.ts"
import { note, print, printJson } from "../../lib/output.ts"
import { openLab } from "../../lab/open.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"
import { parseParams } from "../params.ts"
import { whichLab } from "../which-lab.ts"

export default defineCommand({
  about: "Breaks a lab on purpose, and says whether the fault took effect (exit 3 when it did not).",
  examples: [
    "operator chaos inject ratelimiter-7f3a node_kill",
    "operator chaos inject ratelimiter-7f3a node_pause --target limiter-b",
    "operator chaos inject ratelimiter-7f3a counter_drift --seed 7",
  ],
  args: {
    lab: { type: "positional", complete: "lab", description: "a lab, or the beginning of its id" },
    fault: { type: "positional", complete: "fault", description: "a fault; operator chaos list shows them" },
    target: {
      type: "string",
      complete: "target",
      default: "one",
      description: "one, minority, majority, all, a group or a service",
    },
    param: { type: "string", multiple: true, valueHint: "NAME=VALUE", description: "a parameter of the fault" },
    seed: { type: "number", integer: true, default: 1, description: "decides what is drawn" },
  },
  run: async ({ args }) => {
    const store = openExistingStore(storeFile(args.db))
    const row = whichLab(store, args.lab)
    if (row.trial !== null)
      throw new UsageError(`${row.id} belongs to the running trial ${row.trial}, which breaks it itself`)
    const lab = await openLab(store, row)
    if (findFault(args.fault, lab.subject).calls) {
      throw new UsageError(`${args.fault} is about when an agent is called, so it makes sense in a trial alone`, {
        hint: `operator campaign --subject ${lab.subject.name} --fault ${args.fault} --variant VARIANT`,
      })
    }
    const params = parseParams(args.param ?? [])
    const injection = await inject(store, lab, { fault: args.fault, target: args.target, params, seed: args.seed })
    store.close()
    if (args.json) printJson(injection)
    else {
      print(injection.id)
      const where = injection.targets.length > 0 ? ` at ${injection.targets.join(", ")}` : ""
      note(`${injection.fault}${where}: ${injection.confirmation}; undo it: operator chaos revert ${injection.id}`)
    }
    if (injection.confirmation === "ineffective") throw new CheckFailed(`${injection.fault} had no effect`)
  },
})
