import { onDuty } from "../agent/duty.ts"
import { requireHostShell } from "../agent/host-shell.ts"
import { requireKey } from "../agent/model/client.ts"
import { modelMaker, requirePriced } from "../agent/model/make.ts"
import { builtInPrices, readPrices } from "../agent/prices.ts"
import { promptOf } from "../agent/prompt.ts"
import { summariesOf } from "../agent/summarise.ts"
import { findVariant, isClaude, type Variant, warningsOf } from "../agent/variant.ts"
import type { WorkEnd } from "../agent/work.ts"
import { defineCommand } from "../lib/command.ts"
import { EnvironmentError, UsageError } from "../lib/errors.ts"
import { interruption } from "../lib/interruption.ts"
import { note } from "../lib/output.ts"
import { isWatched, wordOnClaim } from "../monitor/holds.ts"
import { openExistingStore, type Store, storeFile } from "../store/open.ts"
import { followAgent } from "./agent/follow.ts"
import { whichLab } from "./which-lab.ts"

export default defineCommand({
  about:
    "Is on call: works the open tickets of labs, the most severe first, then the oldest, one lab at a time, until it is interrupted. Several may run at once; none gets a lab that another one has. A lab needs a monitor, whose word decides whether it is repaired.",
  examples: [
    "operator agent --variant restart-bot",
    "operator agent ratelimiter-7f3a --variant default --allow-host-shell",
    "operator agent --variant haiku --allow-host-shell --once --json",
  ],
  args: {
    lab: {
      type: "positional",
      multiple: true,
      required: false,
      complete: "lab",
      description: "labs, or the beginnings of their ids; left out: every lab that belongs to no trial",
    },
    variant: { type: "string", default: "default", valueHint: "V", complete: "variant", description: "who is on call" },
    "allow-host-shell": {
      type: "boolean",
      description: "lets Claude run commands on this machine, where a lab of processes has its only shell",
    },
    verify: {
      type: "duration",
      default: "5s",
      description: "how long all gates must hold for a claim to be true",
    },
    prices: {
      type: "string",
      valueHint: "FILE",
      description: "what models cost, instead of the table that is built in",
    },
    once: { type: "boolean", description: "end when nothing is left that it can work" },
  },
  run: async ({ args }) => {
    const variant = await onCall(args.variant)
    const store = openExistingStore(storeFile(args.db))
    const labs = args.lab.map((word) => ownLab(store, word))
    const platforms = labs.length > 0 ? labs.map(({ platform }) => platform) : [ANY_LAB]
    for (const platform of platforms) requireHostShell(variant, platform, args["allow-host-shell"] === true)
    const models = await readyModels(store, variant, args.prices)
    const signal = interruption()
    for (const warning of warningsOf(variant)) note(warning)
    note(
      `${variant.name} is on call for ${labs.length > 0 ? labs.map(({ id }) => id).join(", ") : "every lab"}; Ctrl-C ends it`,
    )
    let unreachable: string | undefined
    await onDuty({
      store,
      labs: labs.map(({ id }) => id),
      variant,
      ...models,
      once: args.once === true,
      monitor: {
        watches: (lab) => isWatched(store, lab),
        word: (lab, signal) => wordOnClaim(store, lab, { verify_ms: args.verify, signal }),
      },
      follow: (lab) => followAgent(store, lab, { json: args.json === true }),
      ended: (lab, end) => {
        if (end === "unreachable") unreachable = lab
        noteEnd(lab, end)
      },
      unwatched: (lab) => note(`${lab} has no monitor, so nobody could verify a repair: operator monitor ${lab}`),
      signal,
    })
    store.close()
    if (signal.aborted) return 130
    if (args.once && unreachable !== undefined) throw noAnswer(unreachable)
    return 0
  },
})

// internal

/** A lab that nobody has named may be one of processes, which is the one that needs leave. */
const ANY_LAB = "process"

async function onCall(word: string): Promise<Variant> {
  const variant = await findVariant(word)
  if (variant.model === "nobody")
    throw new UsageError(`${variant.name} is nobody: there is no session to be had with it`, { hint: INSTEAD })
  if (variant.model === "oracle") {
    throw new UsageError(`${variant.name} only repairs what a trial has broken: nobody tells it what is wrong here`, {
      hint: INSTEAD,
    })
  }
  return variant
}

const INSTEAD = "operator agent --variant restart-bot, for instance, or Claude"

function ownLab(store: Store, word: string) {
  const row = whichLab(store, word)
  if (row.trial === null) return row
  throw new UsageError(`${row.id} belongs to the trial ${row.trial}, which has its own agent`, {
    hint: "operator up SUBJECT makes a lab that belongs to none",
  })
}

/** All that the model will need is looked at before a lab is claimed. */
async function readyModels(store: Store, variant: Variant, prices_file: string | undefined) {
  if (isClaude(variant)) requireKey()
  const prices = await (prices_file === undefined ? builtInPrices() : readPrices(prices_file))
  requirePriced(variant, prices)
  const prompt = isClaude(variant) ? promptOf(variant).text : ""
  return {
    model: modelMaker({ variant, prompt, prices, clock: store.clock }),
    summaries: summariesOf(variant, { store, prices }),
  }
}

function noteEnd(lab: string, end: WorkEnd): void {
  if (end === "escalated") note(`${lab} is handed over to a person: operator tickets list ${lab}`)
  if (end === "unreachable") note(`no model answered for ${lab}, whose tickets stay open: operator doctor --model NAME`)
}

function noAnswer(lab: string): EnvironmentError {
  return new EnvironmentError(`no model answered for ${lab}`, {
    hint: `operator audit show ${lab} says why; operator doctor --model NAME asks the model`,
  })
}
