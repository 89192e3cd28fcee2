import { sweep } from "../chaos/heal.ts"
import { judge } from "../eval/judge.ts"
import { waitUntil } from "../lib/clock.ts"
import { Interrupted } from "../lib/errors.ts"
import { timedId } from "../lib/ids.ts"
import { ownCommand } from "../lib/own-command.ts"
import { createCampaign, endCampaign } from "../store/campaigns.ts"
import { latestJudgement } from "../store/judgements.ts"
import type { Stage } from "../store/kinds.ts"
import { getLab, guardianOf } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { createTrial, failWithoutLab, getTrial, type Trial } from "../store/trials.ts"
import type { Matrix, PlannedTrial } from "./matrix.ts"

/** An attempt that ends in `error` says nothing about the lab, and is made again. All attempts are kept. */
const ATTEMPTS = 2
/** The guardian of a trial that died ends the attempt's row; it takes less than two seconds. */
const GUARDIAN_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 50

export interface Progress {
  started(trial: Trial): void
  stage(trial: Trial, stage: Stage): void
  ended(trial: Trial): void
}

/** Runs all trials of a matrix, each in a process of its own. Returns the campaign's id. */
export async function runCampaign(
  store: Store,
  matrix: Matrix,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  await sweep(store)
  const campaign = timedId(store.clock.now())
  createCampaign(store, { id: campaign, name: matrix.name, matrix_hash: matrix.hash, matrix: matrix.text })
  for (const planned of matrix.trials) await runPlanned(store, campaign, planned, progress, signal)
  endCampaign(store, campaign)
  return campaign
}

// internal

async function runPlanned(
  store: Store,
  campaign: string,
  planned: PlannedTrial,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const id = timedId(store.clock.now())
    createTrial(store, { ...planned, id, campaign, attempt })
    const trial = await runAttempt(store, id, progress, signal)
    progress.ended(trial)
    if (signal.aborted)
      throw new Interrupted("the campaign was interrupted; its labs were healed", { hint: `operator audit show ${id}` })
    if (trial.stage !== "error") return
  }
}

/**
 * One attempt in a process of its own. A process that dies is an error of this attempt, and of nothing else. Its stdin is
 * the other way round a lifeline: when this process dies, the trial heals its lab and ends.
 */
async function runAttempt(store: Store, id: string, progress: Progress, signal: AbortSignal): Promise<Trial> {
  const child = Bun.spawn([...ownCommand("part", "trial"), "--trial", id, "--db", store.file], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
    detached: true,
  })
  const interrupt = () => child.kill("SIGTERM")
  signal.addEventListener("abort", interrupt, { once: true })
  progress.started(readTrial(store, id))
  let running = true
  void child.exited.then(() => (running = false))
  let stage: Stage = "pending"
  while (running) {
    await Promise.race([child.exited, Bun.sleep(LOOK_EVERY_MS)])
    const trial = readTrial(store, id)
    if (trial.stage !== stage) progress.stage(trial, (stage = trial.stage))
  }
  signal.removeEventListener("abort", interrupt)
  await closeAttempt(store, id)
  return readTrial(store, id)
}

/** After its process has ended an attempt has an end and a judgement, whichever way the process died. */
async function closeAttempt(store: Store, id: string): Promise<void> {
  const { lab } = readTrial(store, id)
  const row = lab === null ? undefined : getLab(store, lab)
  const isOver = () => row === undefined || guardianOf(getLab(store, row.id) ?? row) === undefined
  await waitUntil(isOver, { timeout_ms: GUARDIAN_WITHIN_MS, every_ms: LOOK_EVERY_MS })
  await sweep(store)
  failWithoutLab(store, id, "its process died before it had a lab")
  if (!latestJudgement(store, id)) await judge(store, readTrial(store, id))
}

function readTrial(store: Store, id: string): Trial {
  const trial = getTrial(store, id)
  if (!trial) throw new Error(`the store lost the trial ${id}`)
  return trial
}
