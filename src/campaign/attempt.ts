import { sweep } from "../chaos/sweep.ts"
import { judge } from "../eval/judge.ts"
import { waitUntil } from "../lib/clock.ts"
import { ownCommand } from "../lib/own-command.ts"
import { events } from "../store/events.ts"
import { latestJudgement } from "../store/judgements.ts"
import type { Stage } from "../store/kinds.ts"
import { getLab, isOrphan } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import { ENDED, enterStage, failWithoutLab, getTrial, type Trial } from "../store/trials.ts"

/** The word down a trial's lifeline that lets it go on from *ready*. */
export const GO = "go"

/** A trial that was interrupted takes its last evidence first, its guardian less than two seconds after it. */
const CLOSED_WITHIN_MS = 30_000
const LOOK_EVERY_MS = 50

/** An attempt at a trial, in a process of its own. */
export interface Attempt {
  id: string
  /** Lets it go on once it is ready; until then it is parked there. */
  go(): void
  /** Heals the lab, and ends. */
  interrupt(): void
  /** The attempt's end, whichever way its process died: with a reason, judged, and nothing left of its lab. */
  ended: Promise<Trial>
}

/**
 * Starts the process of an attempt. One that dies is an error of this attempt, and of nothing else. Its stdin is a
 * lifeline: when this process dies, the trial heals its lab and ends.
 */
export function startAttempt(
  store: Store,
  id: string,
  tell: (trial: Trial, stage: Stage, reason: string | null) => void,
): Attempt {
  const child = Bun.spawn([...ownCommand("part", "trial"), "--trial", id, "--db", store.file], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
    detached: true,
  })
  const tellStages = stageTeller(store, id, tell)
  let killing: ReturnType<typeof setTimeout> | undefined
  const ticking = setInterval(() => {
    tellStages()
    // Its guardian has ended the attempt, at the deadline for instance: a process that goes on, or is stopped, has nothing left to do.
    if (hasEnded(store, id)) killing ??= setTimeout(() => child.kill("SIGKILL"), CLOSED_WITHIN_MS)
  }, LOOK_EVERY_MS)
  const end = async () => {
    try {
      await child.exited
      await closeAttempt(store, id)
      tellStages()
      return readTrial(store, id)
    } finally {
      clearInterval(ticking)
      clearTimeout(killing)
    }
  }
  return {
    id,
    go: () => {
      child.stdin.write(`${GO}\n`)
      void child.stdin.flush()
    },
    interrupt: () => {
      child.kill("SIGTERM")
      // A stopped process hears nothing until it is continued.
      child.kill("SIGCONT")
      killing ??= setTimeout(() => child.kill("SIGKILL"), CLOSED_WITHIN_MS)
    },
    ended: end(),
  }
}

/** Ends an attempt whose process has ended: waits for whoever heals its lab, or heals it, and judges it. */
export async function closeAttempt(store: Store, id: string): Promise<void> {
  const { lab } = readTrial(store, id)
  const isOver = () => {
    const row = lab === null ? undefined : getLab(store, lab)
    return row === undefined || isOrphan(row)
  }
  await waitUntil(isOver, { timeout_ms: CLOSED_WITHIN_MS, every_ms: LOOK_EVERY_MS })
  await sweep(store)
  if (lab === null) failWithoutLab(store, id, "its process died before it had a lab")
  else enterStage(store, id, lab, "error", "its process died")
  if (!latestJudgement(store, id)) await judge(store, readTrial(store, id))
}

// internal

/** Tells, each time it is called, which stages were entered since, from the lab's log: none is missed. */
function stageTeller(
  store: Store,
  id: string,
  tell: (trial: Trial, stage: Stage, reason: string | null) => void,
): () => void {
  let after = 0
  return () => {
    const trial = readTrial(store, id)
    if (trial.lab === null) return
    for (const event of events(store, trial.lab, { after, kinds: ["trial.stage"] })) {
      after = event.seq
      tell(trial, event.body.stage, event.body.reason)
    }
  }
}

function hasEnded(store: Store, id: string): boolean {
  const { stage, lab } = readTrial(store, id)
  return ENDED.includes(stage) && (lab === null || getLab(store, lab)?.state === "destroyed")
}

function readTrial(store: Store, id: string): Trial {
  const trial = getTrial(store, id)
  if (!trial) throw new Error(`the store lost the trial ${id}`)
  return trial
}
