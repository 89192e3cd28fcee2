import type { Progress } from "../../campaign/runner.ts"
import type { Clock } from "../../lib/clock.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, paint } from "../../lib/output.ts"

/** Progress that must be closed, so that a terminal is left as it was. */
export interface ShownProgress extends Progress {
  close(): void
}

/** One line a transition, on stderr. */
export function showProgress(clock: Clock, _campaign: { name: string; parallel: number }): ShownProgress {
  const { dim, bold } = paint(process.stderr)
  const start_ms = clock.mono_ms()
  let [total, number] = [0, 0]
  const since = () => dim(showDuration(clock.mono_ms() - start_ms).padStart(9))
  return {
    planned: (all, done) => {
      total = all
      number = done
      if (done > 0) note(`${since()}  ${done} of ${all} trials are done already`)
    },
    started: ({ fault, variant, repetition, attempt }) => {
      if (attempt === 1) number += 1
      const again = attempt > 1 ? `, attempt ${attempt}` : ""
      note(`${since()}  ${bold(`${number}/${total} ${fault} · ${variant} · ${repetition}${again}`)}`)
    },
    stage: ({ lab }, stage, reason) => note(`${since()}  ${lab} ${stage}${reason === null ? "" : `: ${reason}`}`),
    ended: ({ lab, verdict }) => note(`${since()}  ${lab ?? ""} ${verdict ?? "not judged"}`),
    close: () => undefined,
  }
}
