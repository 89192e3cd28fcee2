import { readPrices } from "../agent/prices.ts"
import { requireForClaude } from "../campaign/claude.ts"
import { expectTrials } from "../campaign/expected.ts"
import { openCampaign, type Resumption } from "../campaign/identity.ts"
import { resolveMatrix } from "../campaign/matrix.ts"
import { refuseErrorsAlone } from "../campaign/never-up.ts"
import { prepareTrials } from "../campaign/prepare.ts"
import { unmet } from "../campaign/require.ts"
import { OutOfDollars, runCampaign } from "../campaign/runner.ts"
import { resultsOf } from "../eval/results.ts"
import { summariesOf } from "../eval/summary.ts"
import { defineCommand } from "../lib/command.ts"
import { CheckFailed, UsageError } from "../lib/errors.ts"
import { interruption } from "../lib/interruption.ts"
import { requireLoopback } from "../lib/loopback.ts"
import { PLATFORMS } from "../lab/lab.ts"
import { note, printJson } from "../lib/output.ts"
import { openStore, type Store, storeFile } from "../store/open.ts"
import { campaignDollars } from "../store/spending.ts"
import { keepText } from "../store/texts.ts"
import { showProgress } from "./campaign/progress.ts"
import { requested } from "./campaign/request.ts"
import { printResults } from "./campaign/results.ts"
import { planOf, showPlan } from "./campaign/plan.ts"
import { sweepAtStart } from "./sweep-at-start.ts"

export default defineCommand({
  about:
    "Runs trials: each brings up a lab, breaks it, has it repaired by a variant, judges what was recorded, and heals. Interrupted or killed, the same command goes on.",
  examples: [
    "operator campaign campaigns/quickstart.yaml",
    "operator campaign quickstart --dry-run",
    "operator campaign --subject ratelimiter --fault node_kill --variant restart-bot -n 1",
    "operator campaign --subject etcd --fault node_kill --variant oracle --variant nobody --json",
  ],
  args: {
    file: { type: "positional", required: false, complete: "campaign", description: "a campaign's name or its file" },
    subject: {
      type: "string",
      multiple: true,
      valueHint: "S",
      complete: "subject",
      description: "instead of a file: what is run",
    },
    fault: {
      type: "string",
      multiple: true,
      valueHint: "F",
      complete: "fault",
      description: "instead of a file: how it is broken",
    },
    variant: {
      type: "string",
      multiple: true,
      valueHint: "V",
      complete: "variant",
      description: "who repairs it",
    },
    target: {
      type: "string",
      multiple: true,
      complete: "target",
      description: "one (the default), minority, majority, all, a group or a service",
    },
    param: { type: "string", multiple: true, valueHint: "NAME=VALUE", description: "a parameter of the fault" },
    platform: { type: "enum", options: PLATFORMS, description: "process or docker, for every subject of the campaign" },
    trials: { type: "number", alias: "n", integer: true, min: 1, description: "repetitions with each variant (1)" },
    parallel: { type: "number", integer: true, min: 1, description: "trials that run at once (1)" },
    seed: { type: "number", integer: true, min: 0, description: "of the first repetition; decides what is drawn (1)" },
    deadline: { type: "duration", description: "a lab that has not recovered by then is unrepaired (10m)" },
    stable: { type: "duration", description: "how long all gates must hold to count as recovered (10s)" },
    verify: { type: "duration", description: "how long they must hold for the agent's claim to be true (5s)" },
    "symptom-within": { type: "duration", description: "a fault without a failing gate by then is invalid (60s)" },
    grace: { type: "duration", description: "watched on for this long after the agent has given up (20s)" },
    usd: { type: "number", min: 0.01, description: "dollars that all of it may cost; going on with it, a new limit" },
    prices: {
      type: "string",
      valueHint: "FILE",
      description: "what models cost, instead of the table that is built in",
    },
    "allow-host-shell": { type: "boolean", description: "Claude may use this machine's shell, in labs of processes" },
    "dry-run": { type: "boolean", description: "show what would run, and how long it would take" },
    continue: { type: "boolean", description: "finish a campaign that was changed since, as it was begun" },
    new: { type: "boolean", description: "begin anew, although one of this name is not finished" },
  },
  run: async ({ args }) => {
    if (args.continue && args.new) throw new UsageError("--continue and --new exclude each other")
    const store = openStore(storeFile(args.db))
    const request = await requested(args)
    const matrix = await resolveMatrix(store, request, {
      prices: args.prices === undefined ? undefined : await readPrices(args.prices),
    })
    if (args["dry-run"]) {
      showPlan(await planOf(store, matrix, request), args.json === true)
      return store.close()
    }
    const leave = { host_shell: args["allow-host-shell"] === true, limit_usd: request.limit_usd }
    for (const warning of await requireForClaude(store, matrix.trials, leave)) note(warning)
    await requireLoopback()
    await prepareTrials(store, matrix.trials)
    await sweepAtStart(store)
    const campaign = openCampaign(store, matrix, resumption(args), request.limit_usd)
    if (campaign.continued) note(`going on with ${campaign.id}`)
    if (args.continue) await requireForClaude(store, campaign.trials, leave)
    const { parallel, cooldown_ms } = request
    const expected = await expectTrials(store, campaign.trials)
    const progress = showProgress(store.clock, { name: request.name, parallel, expected })
    const stopped = await runCampaign(store, campaign, { parallel, cooldown_ms, progress, signal: interruption() })
      .catch(outOfDollars)
      .finally(() => progress.close())
    const results = resultsOf(store, { campaign: campaign.id })
    const missed = unmet(request.requirements, results)
    const [{ id }, { name }] = [campaign, request]
    const { used_up: _, ...dollars } = campaignDollars(store, id)
    if (args.json)
      printJson({ campaign: id, name, unmet: missed, ...dollars, summary: summariesOf(results), trials: results })
    else printResults(results, { id, file: store.file, ...dollars })
    store.close()
    if (stopped) throw stopped
    refuseErrorsAlone(results, `operator eval show ${id}`)
    if (missed.length > 0)
      throw new CheckFailed(`the campaign's requirements do not hold: ${missed.join("; ")}`, {
        hint: `operator eval show ${id}`,
      })
  },
})

// internal

/** What was run until then is shown all the same. */
function outOfDollars(error: unknown): OutOfDollars {
  if (error instanceof OutOfDollars) return error
  throw error
}

function resumption(args: { file?: string | undefined; continue?: boolean; new?: boolean }): Resumption {
  if (args.continue) return "continue"
  if (args.new) return "new"
  return args.file === undefined ? "exact" : "same"
}
