import { arch, platform, release } from "node:os"
import { trialKey } from "../eval/summary.ts"
import { CheckFailed, Interrupted } from "../lib/errors.ts"
import { timedId } from "../lib/ids.ts"
import { VERSION } from "../lib/version.ts"
import { endCampaign } from "../store/campaigns.ts"
import type { Stage } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { campaignDollars, OUT_OF_DOLLARS } from "../store/spending.ts"
import { createTrial, ENDED, listTrials, type Trial } from "../store/trials.ts"
import { type Attempt, closeAttempt, startAttempt } from "./attempt.ts"
import type { OpenedCampaign } from "./identity.ts"
import type { PlannedTrial } from "./matrix.ts"

/** An attempt that ends in `error` says nothing about the lab, and is made again, so often in one run. All attempts are kept. */
const ATTEMPTS_AT_A_TRIAL = 2

/** What is told of a campaign while it runs. */
export interface Progress {
  /** What is left to run, in this order, and how many trials are done already. */
  planned(left: readonly PlannedTrial[], done: number): void
  started(trial: Trial): void
  /** It may go on from *ready*: one that was started early took a place that became free. */
  released(trial: Trial): void
  stage(trial: Trial, stage: Stage, reason: string | null): void
  ended(trial: Trial): void
  /** What has been started is being healed, and nothing more will be. */
  interrupted(): void
}

/** The limit that was asked for is reached. What was run until then counts. */
export class OutOfDollars extends CheckFailed {}

export interface RunOptions {
  parallel: number
  cooldown_ms: number
  progress: Progress
  signal: AbortSignal
}

/**
 * Runs what is left of a campaign: `parallel` trials at a time, and as many again started early and parked at *ready*, so that
 * nobody waits for a lab to come up. No more than `parallel` labs come up at once: those would slow each other down. Interrupted,
 * it heals every lab and throws; the same command goes on from there.
 * It throws as well when trials are left and the campaign's dollars are not enough for them, once what runs has ended.
 */
export async function runCampaign(store: Store, campaign: OpenedCampaign, options: RunOptions): Promise<void> {
  await closeAbandoned(store, campaign.id)
  const queue = remaining(store, campaign).map((trial) => ({ trial, attempts: 0 }))
  options.progress.planned(
    queue.map(({ trial }) => trial),
    campaign.trials.length - queue.length,
  )
  // A pause between trials is there to let the machine settle, so nothing is started in it.
  const ahead = options.cooldown_ms > 0 ? 0 : options.parallel
  const started: Started[] = []
  const interrupted = aborted(options.signal)
  // Ended without a dollar for their next turn. What others had set aside may come back, but another try would be a matter of luck.
  let unpaid = 0
  const goesOn = () => queue.length > 0 && unpaid === 0 && !campaignDollars(store, campaign.id).used_up
  try {
    for (;;) {
      const comingUp = () => started.filter((one) => !one.isReady())
      while (started.length < options.parallel + ahead && comingUp().length < options.parallel && goesOn())
        started.push(start(store, campaign.id, queue.shift()!, options))
      if (started.length === 0) break
      for (const one of started.slice(0, options.parallel)) one.release()
      const ended = await Promise.race([
        ...started.map((one) => one.ended),
        ...comingUp().map((one) => one.ready),
        interrupted,
      ])
      if (ended === "aborted") break
      if (ended === "ready") continue
      started.splice(started.indexOf(ended.one), 1)
      options.progress.ended(ended.trial)
      if (isUnpaid(ended.trial)) unpaid += 1
      else if (ended.trial.stage === "error" && ended.one.planned.attempts < ATTEMPTS_AT_A_TRIAL)
        queue.unshift(ended.one.planned)
      if (goesOn()) await store.clock.sleep(options.cooldown_ms, options.signal)
    }
  } finally {
    if (options.signal.aborted) options.progress.interrupted()
    await Promise.all(started.map((one) => one.cancel()))
  }
  if (options.signal.aborted) {
    throw new Interrupted("the campaign was interrupted; its labs were healed", {
      hint: "the same command goes on from here",
    })
  }
  if (queue.length + unpaid > 0) throw outOfDollars(store, campaign.id, queue.length + unpaid)
  endCampaign(store, campaign.id)
}

// internal

interface Queued {
  trial: PlannedTrial
  /** Made in this run. */
  attempts: number
}

interface Started {
  planned: Queued
  /** Lets it go on from *ready*. A second time does nothing. */
  release(): void
  isReady(): boolean
  /** Resolves when its lab is up, or when there will be none. */
  ready: Promise<"ready">
  ended: Promise<{ one: Started; trial: Trial }>
  cancel(): Promise<void>
}

function start(store: Store, campaign: string, planned: Queued, { progress }: RunOptions): Started {
  planned.attempts += 1
  const id = timedId(store.clock.now())
  const { platform: lab_platform, ...cell } = planned.trial
  const environment = {
    ...{ operator: VERSION, bun: Bun.version, kernel: `${platform()} ${release()} ${arch()}` },
    ...(lab_platform && { lab_platform }),
  }
  const trial = createTrial(store, { ...cell, id, campaign, environment })
  progress.started(trial)
  const up = Promise.withResolvers<"ready">()
  let [isReady, released] = [false, false]
  const cameUp = () => {
    isReady = true
    up.resolve("ready")
  }
  const process: Attempt = startAttempt(store, id, (trial, stage, reason) => {
    if (stage !== "preparing") cameUp()
    progress.stage(trial, stage, reason)
  })
  const one: Started = {
    planned,
    release: () => {
      if (released) return
      released = true
      process.go()
      progress.released(trial)
    },
    isReady: () => isReady,
    ready: up.promise,
    ended: process.ended.finally(cameUp).then((trial) => ({ one, trial })),
    cancel: async () => {
      process.interrupt()
      progress.ended(await process.ended)
    },
  }
  return one
}

/** Attempts of an earlier run that died with its runner: each is brought to its end, and judged, before anything new begins. */
async function closeAbandoned(store: Store, campaign: string): Promise<void> {
  const open = listTrials(store, { campaign }).filter(
    ({ stage, verdict }) => !ENDED.includes(stage) || verdict === null,
  )
  await Promise.all(open.map(({ id }) => closeAttempt(store, id)))
}

/** What has no attempt yet that says something about the lab. */
function remaining(store: Store, campaign: OpenedCampaign): PlannedTrial[] {
  const done = new Set(
    listTrials(store, { campaign: campaign.id })
      .filter(({ stage }) => stage !== "error")
      .map(trialKey),
  )
  return campaign.trials.filter((trial) => !done.has(trialKey(trial)))
}

function isUnpaid({ stage, reason }: Trial): boolean {
  return stage === "error" && reason?.startsWith(OUT_OF_DOLLARS) === true
}

function outOfDollars(store: Store, campaign: string, left: number): OutOfDollars {
  const { limit_usd } = campaignDollars(store, campaign)
  const dollars = limit_usd === null ? "dollars" : `${limit_usd.toFixed(2)} dollars`
  const trials = left === 1 ? "1 trial was" : `${left} trials were`
  return new OutOfDollars(`the campaign's ${dollars} are used up: ${trials} not run`, {
    hint: "the same command with a higher --usd goes on from here",
  })
}

function aborted(signal: AbortSignal): Promise<"aborted"> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("aborted")
    else signal.addEventListener("abort", () => resolve("aborted"), { once: true })
  })
}
