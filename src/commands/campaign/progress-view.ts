import { showDuration } from "../../lib/duration.ts"
import { oneLine, type Paint } from "../../lib/output.ts"
import { renderTable } from "../../lib/table.ts"
import type { Size } from "./block.ts"
import { type CampaignState, type ShownAttempt, timeLeft } from "./progress-state.ts"

export interface Moment {
  mono_ms: number
  now: Date
}

/** A running campaign as lines that a terminal of this size has room for: how far it is, and each trial that runs. */
export function renderProgress(state: CampaignState, size: Size, at: Moment, colours: Paint): string[] {
  // Before anything is planned, what an earlier run left behind is brought to its end.
  if (state.total === 0) return ["", `${colours.bold(oneLine(state.name))}: looking after what an earlier run left`]
  const width = Math.max(1, size.width - 1)
  const head = [counts(state, colours), time(state, at, colours)].flatMap((text) =>
    Bun.wrapAnsi(text, width).split("\n"),
  )
  const running = state.attempts.filter(({ released_ms }) => released_ms !== null)
  const lines = running.length === 0 ? [] : table(running, at.mono_ms, width, colours)
  // A blank line above, and the terminal's last one, in which the cursor stands.
  const room = Math.max(0, size.height - head.length - 2)
  const cut =
    lines.length > room
      ? [...lines.slice(0, Math.max(0, room - 1)), colours.dim(`  and ${lines.length - room + 1} more`)]
      : lines
  return ["", ...head, ...cut.slice(0, room)]
}

// internal

function counts({ name, total, done, errors, attempts, left }: CampaignState, { bold, yellow }: Paint): string {
  const early = attempts.filter(({ released_ms }) => released_ms === null)
  const parked = early.filter(({ stage }) => stage === "ready").length
  const parts = [
    `${done} of ${total} done`,
    errors > 0 ? yellow(`${errors} ${errors === 1 ? "error" : "errors"}`) : "",
    `${attempts.length - early.length} running`,
    parked > 0 ? `${parked} parked` : "",
    early.length > parked ? `${early.length - parked} preparing` : "",
    left.length > 0 ? `${left.length} to come` : "",
  ]
  return `${bold(oneLine(name))}: ${parts.filter((part) => part !== "").join(", ")}`
}

function time(state: CampaignState, { mono_ms, now }: Moment, { dim, yellow }: Paint): string {
  if (state.interrupted) return yellow("interrupted: the labs are being healed")
  const left_ms = timeLeft(state, mono_ms)
  const end = new Date(now.getTime() + left_ms).toISOString().slice(11, 19)
  return dim(`running for ${inSeconds(mono_ms - state.begun_ms)}, about ${inSeconds(left_ms)} left, until ${end} UTC`)
}

function table(running: ShownAttempt[], mono_ms: number, width: number, colours: Paint): string[] {
  const text = renderTable(
    running,
    [
      { title: "#", value: ({ number }) => number, align: "right" },
      { title: "TRIAL", value: ({ name }) => name, flexible: true },
      { title: "STAGE    ", value: ({ stage }) => stage },
      { title: "FOR", value: ({ stage_ms }) => inSeconds(mono_ms - stage_ms), align: "right" },
      { title: "TOTAL", value: ({ released_ms }) => inSeconds(mono_ms - (released_ms ?? mono_ms)), align: "right" },
    ],
    { width, colours },
  )
  return text.split("\n").slice(0, -1)
}

/** Without tenths, which would flicker. */
function inSeconds(duration_ms: number): string {
  const seconds = Math.max(0, Math.floor(duration_ms / 1_000))
  return seconds < 60 ? `${seconds} s` : showDuration(seconds * 1_000)
}
