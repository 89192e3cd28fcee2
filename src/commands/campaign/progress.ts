import type { Expectation } from "../../campaign/expected.ts"
import type { Progress } from "../../campaign/runner.ts"
import type { Verdict } from "../../eval/verdict.ts"
import type { Clock } from "../../lib/clock.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, oneLine, type Paint, paint, showTime } from "../../lib/output.ts"
import { canDraw, openBlock } from "./block.ts"
import { ENDED } from "../../store/trials.ts"
import { followCampaign, type ShownAttempt, timeLeft } from "./progress-state.ts"
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
  const stays = (...said: string[]) => {
    const time = showTime(clock.now().toISOString())
    if (block) block.print(fitting([time.slice(0, "hh:mm:ss".length), ...said], stderr.columns))
    else note(fitting([time, ...said], Infinity))
  }
  const transition = (attempt: ShownAttempt | undefined, word: string, reason: string | null = null) => {
    if (attempt && !block) stays(...parts(attempt, state.total, word, reason, colours))
  }
  return {
    planned: (left, done) => {
      follow.planned(left, done)
      const already = done > 0 ? ` (${done} of ${state.total} are done already)` : ""
      const time = `about ${showDuration(timeLeft(state, now_ms()))}`
      stays(`${oneLine(state.name)}: ${left.length} trials${already}, ${state.parallel} at a time, ${time}`)
    },
    started: (trial) => transition(follow.started(trial), "starting"),
    released: follow.released,
    stage: (trial, stage, reason) => {
      const attempt = follow.stage(trial, stage)
      // How an attempt ended is told with its verdict.
      if (!ENDED.includes(stage)) transition(attempt, stage, reason)
    },
    ended: (trial) => {
      const attempt = follow.ended(trial)
      if (!attempt) return
      const took = attempt.released_ms === null ? "" : showDuration(now_ms() - attempt.released_ms)
      const [head, lab] = parts(attempt, state.total, trial.verdict ?? "error", trial.reason, colours)
      stays(head, took, lab)
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

/** Which trial, and what is with it: enough to be understood alone. What matters least comes last. */
function parts(
  attempt: ShownAttempt,
  total: number,
  word: string,
  reason: string | null,
  colours: Paint,
): [head: string, lab: string] {
  const { number, name, trial } = attempt
  const place = `${number}/${total}`.padStart(2 * String(total).length + 1)
  const colour = VERDICT_COLOUR[word as Verdict] as keyof Paint | undefined
  const padded = word.padEnd(WORD_WIDTH)
  const what = reason === null ? oneLine(name) : `${oneLine(name)}: ${oneLine(reason.split("\n")[0] ?? "")}`
  return [`${place}  ${colour ? colours[colour](padded) : padded}  ${what}`, colours.dim(trial.lab ?? "")]
}

/** The parts that a line of this width has room for, but at least the first two: when, and what. */
function fitting(parts: readonly string[], width: number): string {
  const said = parts.filter((part) => Bun.stringWidth(part) > 0)
  while (said.length > 2 && Bun.stringWidth(said.join("  ")) > (width || Infinity)) said.pop()
  return said.join("  ")
}
