import type { Expectation } from "../../campaign/expected.ts"
import type { Progress } from "../../campaign/runner.ts"
import type { Verdict } from "../../eval/verdict.ts"
import type { Clock } from "../../lib/clock.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, oneLine, type Paint, paint, showTime } from "../../lib/output.ts"
import { canDraw, openBlock } from "./block.ts"
import { followCampaign, type ShownAttempt } from "./progress-state.ts"
import { renderProgress } from "./progress-view.ts"
import { VERDICT_COLOUR } from "./words.ts"

/** Progress that must be closed, so that a terminal is left as it was. */
export interface ShownProgress extends Progress {
  close(): void
}

export interface ProgressOptions {
  name: string
  parallel: number
  expected: Expectation
}

/** On stderr: on a terminal what runs now, below a line for each attempt that ended; elsewhere a line for each transition. */
export function showProgress(clock: Clock, options: ProgressOptions): ShownProgress {
  const { stderr } = process
  const colours = paint(stderr)
  const now_ms = () => clock.mono_ms()
  const { state, ...follow } = followCampaign({ ...options, now_ms })
  const block = canDraw(stderr)
    ? openBlock(stderr, (size) => renderProgress(state, size, { mono_ms: now_ms(), now: clock.now() }, colours))
    : undefined
  const print = block ? block.print : note
  const stays = (text: string) => print(`${colours.dim(showTime(clock.now().toISOString()))}  ${text}`)
  const told = (attempt: ShownAttempt, word: string, more = "") =>
    stays(`${line(attempt, state.total, word, colours)}${more}`)
  const transition = (attempt: ShownAttempt | undefined, word: string, reason: string | null = null) => {
    if (attempt && !block) told(attempt, word, reason === null ? "" : `: ${oneLine(reason)}`)
  }
  return {
    planned: (left, done) => {
      follow.planned(left, done)
      if (done > 0) stays(`${done} of ${state.total} trials are done already`)
    },
    started: (trial) => transition(follow.started(trial), "starting"),
    released: follow.released,
    stage: (trial, stage, reason) => transition(follow.stage(trial, stage), stage, reason),
    ended: (trial) => {
      const attempt = follow.ended(trial)
      if (!attempt) return
      const verdict = (trial.verdict ?? "error") as Verdict
      const took = attempt.released_ms === null ? "" : ` in ${showDuration(now_ms() - attempt.released_ms)}`
      told(attempt, verdict, `${took}${trial.reason === null ? "" : `: ${oneLine(trial.reason)}`}`)
    },
    interrupted: () => {
      follow.interrupted()
      if (!block) stays(colours.yellow("interrupted: the labs are being healed"))
    },
    close: () => block?.close(),
  }
}

// internal

/** As wide as the longest verdict, so that what follows stands in one column. */
const WORD_WIDTH = 11

/** Which trial, and what is with it: enough to be understood alone. */
function line({ number, name, trial }: ShownAttempt, total: number, word: string, colours: Paint): string {
  const place = `${number}/${total}`.padStart(2 * String(total).length + 1)
  const colour = VERDICT_COLOUR[word as Verdict] as keyof Paint | undefined
  const padded = word.padEnd(WORD_WIDTH)
  const lab = trial.lab === null ? "" : `  ${colours.dim(trial.lab)}`
  return `${place}  ${colour ? colours[colour](padded) : padded}  ${oneLine(name)}${lab}`
}
