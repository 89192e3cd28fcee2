import { DEFAULT_TRIAL_LIMITS, resolveMatrix } from "../campaign/matrix.ts"
import { runCampaign } from "../campaign/runner.ts"
import { defineCommand } from "../lib/command.ts"
import { UsageError } from "../lib/errors.ts"
import { interruption } from "../lib/interruption.ts"
import { note, printJson } from "../lib/output.ts"
import { openStore, storeFile } from "../store/open.ts"
import { progressLines } from "./campaign-progress.ts"
import { parseParams } from "./params.ts"
import { printResults, resultsOf } from "./results.ts"

export default defineCommand({
  about:
    "Runs trials: a lab is brought up, broken, watched, repaired by the variant, judged from what was recorded, and healed.",
  examples: [
    "operator campaign --subject ratelimiter --fault node_kill --variant restart-bot -n 1",
    "operator campaign --subject ratelimiter --fault counter_drift --variant oracle --variant do-nothing --json",
    "operator campaign --subject ratelimiter --fault none --variant oracle --symptom-within 10s",
  ],
  args: {
    subject: {
      type: "string",
      required: true,
      valueHint: "S",
      description: "what is run: a subject or a Compose file",
    },
    fault: {
      type: "string",
      required: true,
      valueHint: "F",
      description: "how it is broken; operator chaos list shows the faults",
    },
    variant: {
      type: "string",
      required: true,
      multiple: true,
      valueHint: "V",
      description: "who repairs it; may be repeated",
    },
    repetitions: {
      type: "number",
      alias: "n",
      integer: true,
      min: 1,
      default: 1,
      description: "trials with each variant",
    },
    target: { type: "string", default: "one", description: "one, minority, majority, all, a group or a service" },
    param: { type: "string", multiple: true, valueHint: "NAME=VALUE", description: "a parameter of the fault" },
    seed: { type: "number", integer: true, default: 1, description: "of the first repetition; decides what is drawn" },
    deadline: { type: "duration", default: "10m", description: "a lab that has not recovered by then is unrepaired" },
    stable: { type: "duration", default: "10s", description: "how long all gates must hold to count as recovered" },
    verify: {
      type: "duration",
      default: "5s",
      description: "how long they must hold for the agent's claim to be true",
    },
    "symptom-within": {
      type: "duration",
      default: "60s",
      description: "a fault without a failing gate by then is invalid",
    },
    grace: { type: "duration", default: "20s", description: "watched on for this long after the agent has given up" },
  },
  run: async ({ args }) => {
    const twice = args.variant.find((name, place) => args.variant.indexOf(name) !== place)
    if (twice !== undefined)
      throw new UsageError(`the variant "${twice}" is named twice`, { hint: "-n repeats trials" })
    const store = openStore(storeFile(args.db))
    const matrix = await resolveMatrix(store, {
      subject: args.subject,
      fault: args.fault,
      target: args.target,
      params: parseParams(args.param ?? []),
      variants: args.variant,
      repetitions: args.repetitions,
      seed: args.seed,
      limits: {
        ...DEFAULT_TRIAL_LIMITS,
        deadline_ms: args.deadline,
        stable_ms: args.stable,
        verify_ms: args.verify,
        symptom_within_ms: args["symptom-within"],
        give_up_grace_ms: args.grace,
      },
    })
    const campaign = await runCampaign(store, matrix, progressLines(matrix.trials.length, store.clock), interruption())
    const results = resultsOf(store, campaign)
    if (args.json) printJson({ campaign, trials: results })
    else printResults(results)
    const last = results.at(-1)
    if (last) note(`\nthe whole story: operator audit show ${last.lab ?? last.id}`)
    store.close()
  },
})
