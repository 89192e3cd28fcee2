import { injectByHand, rehearse } from "../../chaos/by-hand.ts"
import { findFault } from "../../chaos/catalogue.ts"
import { MAX_LASTING_MS } from "../../chaos/look-after.ts"
import { defineCommand } from "../../lib/command.ts"
import { showDuration } from "../../lib/duration.ts"
import { CheckFailed, UsageError } from "../../lib/errors.ts"
import { interruption } from "../../lib/interruption.ts"
import { note, print, printJson } from "../../lib/output.ts"
import { openLab } from "../../lab/open.ts"
import { getInjection } from "../../store/injections.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"
import { parseParams } from "../params.ts"
import { whichLab } from "../which-lab.ts"
import { tellRecovery } from "./recover.ts"
import { printRehearsal, tellProgress } from "./feedback.ts"

export default defineCommand({
  about: `Breaks a lab on purpose, and says by what it was seen that the fault took effect (exit 3 when it did not). It stays until it is undone; after ${showDuration(MAX_LASTING_MS)} the lab's guardian does that.`,
  examples: [
    "operator chaos inject ratelimiter-7f3a node_kill",
    "operator chaos inject ratelimiter-7f3a node_pause --target limiter-b --for 30s",
    "operator chaos inject etcd-7f3a packet_loss --param percent=50 --dry-run",
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
    for: { type: "duration", description: "undoes it after this long, and at Ctrl-C" },
    seed: { type: "number", integer: true, default: 1, description: "decides what is drawn" },
    "dry-run": { type: "boolean", description: "says what would be done, and how it would be undone; does nothing" },
    "allow-quorum-loss": { type: "boolean", description: "also when a group is left without its majority" },
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
    const { fault, target, seed } = args
    const options = {
      ...{ fault, target, seed, params: parseParams(args.param ?? []), for_ms: args.for },
      allow_quorum_loss: args["allow-quorum-loss"] === true,
      signal: interruption(),
    }
    if (args["dry-run"]) {
      const rehearsal = await rehearse(store, lab, options)
      store.close()
      return args.json ? printJson(rehearsal) : printRehearsal(rehearsal)
    }
    options.signal.addEventListener("abort", () => note("interrupted: what was begun is undone"))
    const injected = await injectByHand(store, lab, options, (told) => {
      tellProgress(told)
      // For a script that goes on with it while it is there.
      if (told.step === "planned" && !args.json) print(told.injection.id)
    })
    const over = args.for !== undefined && ["reverted", "void"].includes(injected.phase)
    if (over) await tellRecovery(store, lab, [injected], options.signal)
    const injection = getInjection(store, injected.id) ?? injected
    store.close()
    if (args.json) printJson(injection)
    else if (injection.phase === "active") note(`undo it: operator chaos revert ${injection.id}`)
    if (injection.phase === "failed") {
      throw new CheckFailed(`${fault} could not be undone: ${injection.reason}`, {
        hint: `operator chaos revert ${injection.id} tries again; operator down ${injection.lab} ends it with its lab`,
      })
    }
    if (injection.confirmation === "ineffective") throw new CheckFailed(`${injection.fault} had no effect`)
  },
})
