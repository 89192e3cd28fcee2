import type { Expectation } from "../../campaign/expected.ts"
import type { PlannedTrial } from "../../campaign/matrix.ts"
import { trialKey } from "../../eval/summary.ts"
import type { Stage } from "../../store/kinds.ts"
import type { Trial } from "../../store/trials.ts"
import { shortNames, trialName } from "./words.ts"

/** A campaign while it runs, as far as it is shown. Moments are on the monotonic clock. */
export interface CampaignState {
  name: string
  parallel: number
  begun_ms: number
  total: number
  /** Trials that have ended, but for those that ended in an error. */
  done: number
  /** Attempts of this run that ended in an error, but for those that were interrupted. */
  errors: number
  /** Attempts that have not ended, in the order in which they were started. */
  attempts: ShownAttempt[]
  /** Trials that were not started, and how long they will take one after another. */
  left: PlannedTrial[]
  left_ms: number
  interrupted: boolean
}

export interface ShownAttempt {
  trial: Trial
  /** Of its trial among those of the campaign: every attempt at it has the same one. */
  number: number
  name: string
  stage: Stage
  /** Since when it is in its stage. */
  stage_ms: number
  started_ms: number
  /** Since when it may go on from *ready*; null: it was started early, and waits for a place. */
  released_ms: number | null
  /** When it went on from *ready*. */
  broken_ms: number | null
  /** How long it is expected to take until it is ready, and from then on. */
  preparing_ms: number
  running_ms: number
}

/** What the runner tells, kept. Attempts of an earlier run that are brought to their end are unknown here. */
export interface Follower {
  state: CampaignState
  planned(left: readonly PlannedTrial[], done: number): void
  started(trial: Trial): ShownAttempt
  released(trial: Trial): void
  stage(trial: Trial, stage: Stage): ShownAttempt | undefined
  ended(trial: Trial): ShownAttempt | undefined
  interrupted(): void
}

export interface FollowOptions {
  name: string
  parallel: number
  expected: Expectation
  now_ms(): number
}

export function followCampaign({ name, parallel, expected, now_ms }: FollowOptions): Follower {
  const state: CampaignState = {
    ...{ name, parallel, begun_ms: now_ms(), total: 0, done: 0, errors: 0 },
    ...{ attempts: [], left: [], left_ms: 0, interrupted: false },
  }
  const numbers = new Map<string, number>()
  let nameOf = shortNames([])
  const shown = ({ id }: Trial) => state.attempts.find(({ trial }) => trial.id === id)
  return {
    state,
    planned: (left, done) => {
      nameOf = shortNames(left)
      state.left = [...left]
      state.left_ms = left.reduce((sum, trial) => sum + expected(trial).running_ms, 0)
      state.total = left.length + done
      state.done = done
    },
    started: (trial) => {
      const key = trialKey(trial)
      const { preparing_ms, running_ms } = expected(trial)
      if (state.left[0] !== undefined && trialKey(state.left[0]) === key) {
        state.left.shift()
        state.left_ms -= running_ms
        numbers.set(key, state.total - state.left.length)
      }
      const attempt: ShownAttempt = {
        ...{ trial, number: numbers.get(key) ?? 0, name: trialName(nameOf(trial), trial), stage: trial.stage },
        ...{ stage_ms: now_ms(), started_ms: now_ms(), released_ms: null, broken_ms: null, preparing_ms, running_ms },
      }
      state.attempts.push(attempt)
      return attempt
    },
    released: (trial) => {
      const attempt = shown(trial)
      if (attempt) attempt.released_ms = now_ms()
    },
    stage: (trial, stage) => {
      const attempt = shown(trial)
      if (!attempt) return undefined
      if (stage === "injecting") attempt.broken_ms = now_ms()
      return Object.assign(attempt, { trial, stage, stage_ms: now_ms() })
    },
    ended: (trial) => {
      const attempt = shown(trial)
      if (!attempt) return undefined
      state.attempts = state.attempts.filter((one) => one !== attempt)
      if (trial.stage !== "error") state.done += 1
      else if (!state.interrupted) state.errors += 1
      return Object.assign(attempt, { trial })
    },
    interrupted: () => {
      state.interrupted = true
    },
  }
}

/** In how many milliseconds the last trial ends, if all goes as expected. */
export function timeLeft({ attempts, left_ms, parallel }: CampaignState, now_ms: number): number {
  const each = attempts.map((attempt) => attemptLeft(attempt, now_ms))
  return Math.max(...each, (each.reduce((sum, one) => sum + one, 0) + left_ms) / parallel)
}

// internal

function attemptLeft(attempt: ShownAttempt, now_ms: number): number {
  const { broken_ms, released_ms, started_ms, preparing_ms, running_ms } = attempt
  if (broken_ms !== null) return Math.max(0, broken_ms + running_ms - now_ms)
  return (released_ms === null ? 0 : Math.max(0, started_ms + preparing_ms - now_ms)) + running_ms
}
