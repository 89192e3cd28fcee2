import type { Progress } from "../campaign/runner.ts"
import type { Clock } from "../lib/clock.ts"
import { showDuration } from "../lib/duration.ts"
import { note, paint } from "../lib/output.ts"

/** One line a transition, on stderr. */
export function progressLines(total: number, clock: Clock): Progress {
  const { dim, bold } = paint(process.stderr)
  const start_ms = clock.mono_ms()
  let number = 0
  const since = () => dim(showDuration(clock.mono_ms() - start_ms).padStart(9))
  return {
    started: ({ fault, variant, repetition, attempt }) => {
      if (attempt === 1) number += 1
      const again = attempt > 1 ? `, attempt ${attempt}` : ""
      note(`${since()}  ${bold(`${number}/${total} ${fault} · ${variant} · ${repetition}${again}`)}`)
    },
    stage: ({ lab, reason }, stage) => {
      note(`${since()}  ${stage}${stage === "preparing" ? ` ${lab}` : ""}${reason === null ? "" : `: ${reason}`}`)
    },
    ended: ({ verdict }) => note(`${since()}  ${verdict ?? "not judged"}`),
  }
}
