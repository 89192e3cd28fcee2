import { describe, expect, test } from "bun:test"
import { fakeClock } from "../../../test/support/fake-clock.ts"
import type { PlannedTrial } from "../../campaign/matrix.ts"
import { paint } from "../../lib/output.ts"
import type { Stage } from "../../store/kinds.ts"
import type { Trial } from "../../store/trials.ts"
import { followCampaign, timeLeft } from "./progress-state.ts"
import { renderProgress } from "./progress-view.ts"

const PLAIN = paint({ isTTY: false })

const LIMITS = {
  ...{ deadline_ms: 12_000, symptom_within_ms: 6_000, stable_ms: 3_000 },
  ...{ verify_ms: 2_000, give_up_grace_ms: 2_000, attempts: 2 },
}

function planned(fault: string, variant: string): PlannedTrial {
  const cell = { subject: "kv", subject_text: "s", fault, target: "one", params: {} }
  return { ...cell, variant, variant_text: "v", repetition: 1, seed: 1, limits: LIMITS }
}

const PLAN = ["node_kill", "node_pause", "drift"].flatMap((fault) =>
  ["oracle", "nobody"].map((one) => planned(fault, one)),
)

/** A campaign of six trials, two at a time, of each of which 10 s are expected after 2 s of preparation. */
function campaign(done = 0) {
  const clock = fakeClock()
  const expected = () => ({ preparing_ms: 2_000, running_ms: 10_000, earlier: 1 })
  const follower = followCampaign({ name: "quickstart", parallel: 2, expected, now_ms: () => clock.mono_ms() })
  follower.planned(PLAN, done)
  const trial = (place: number, given: Partial<Trial> = {}): Trial => ({
    ...{ ...PLAN[place]!, id: `t${place}`, campaign: "c", attempt: 1, environment: {}, stage: "pending" as Stage },
    ...{ prompt_text: null, prices_text: null, on_restart: "reapply" as const },
    ...{ reason: null, lab: `kv-${place}`, verdict: null, created_at: "", started_at: null, ended_at: null },
    ...given,
  })
  const view = (width = 80, height = 24) =>
    renderProgress(follower.state, { width, height }, { mono_ms: clock.mono_ms(), now: clock.now() }, PLAIN)
  const reach = (place: number, ...stages: Stage[]) => {
    for (const stage of stages) follower.stage(trial(place), stage)
  }
  return { clock, follower, trial, view, reach, left: () => timeLeft(follower.state, clock.mono_ms()) }
}

/** Two run, one is parked, one comes up, two are to come. */
function midway() {
  const made = campaign()
  const { clock, follower, trial, reach } = made
  for (const place of [0, 1, 2, 3]) follower.started(trial(place))
  for (const place of [0, 1]) follower.released(trial(place))
  for (const place of [0, 1, 2, 3]) reach(place, "preparing")
  clock.advance(2_000)
  for (const place of [0, 1, 2]) reach(place, "ready")
  for (const place of [0, 1]) reach(place, "injecting", "watching")
  clock.advance(1_500)
  reach(0, "settling")
  clock.advance(2_700)
  return made
}

describe("the view of a running campaign", () => {
  test("has what is done and what is left, and a line for each trial that runs with its stage and times", () => {
    expect(midway().view()).toEqual([
      "",
      "quickstart: 0 of 6 done, 2 running, 1 parked, 1 preparing, 2 to come",
      "running for 6 s, about 25 s left, until 12:00:32 UTC",
      "#  TRIAL                   STAGE      FOR  TOTAL",
      "1  node_kill · oracle · 1  settling   2 s    6 s",
      "2  node_kill · nobody · 1  watching   4 s    6 s",
    ])
  })

  test("shows the trial that takes a place that became free, and counts the one that ended", () => {
    const { follower, trial, view, clock } = midway()
    follower.ended(trial(0, { stage: "done", verdict: "repaired" }))
    follower.released(trial(2))
    clock.advance(1_000)
    expect(view()[1]).toBe("quickstart: 1 of 6 done, 2 running, 1 preparing, 2 to come")
    expect(view().slice(4)).toEqual([
      "2  node_kill · nobody · 1   watching   5 s    7 s",
      "3  node_pause · oracle · 1  ready      5 s    1 s",
    ])
  })

  test("counts an error, and gives a second attempt the number of its trial", () => {
    const { follower, trial, view } = midway()
    follower.ended(trial(0, { stage: "error", reason: "its process died", verdict: "error" }))
    const again = trial(0, { id: "again", attempt: 2 })
    expect(follower.started(again).number).toBe(1)
    follower.released(again)
    expect(view()[1]).toBe("quickstart: 0 of 6 done, 1 error, 2 running, 1 parked, 1 preparing, 2 to come")
    expect(view().at(-1)).toStartWith("1  node_kill · oracle · 1 · attempt 2  pending")
  })

  test("goes on counting where an earlier run ended", () => {
    const { follower, trial, view } = campaign(10)
    expect(follower.started(trial(0)).number).toBe(11)
    expect(view()[1]).toBe("quickstart: 10 of 16 done, 0 running, 1 preparing, 5 to come")
  })

  test("says that it was interrupted, and does not count what was interrupted as errors", () => {
    const { follower, trial, view } = midway()
    follower.interrupted()
    follower.ended(trial(0, { stage: "error", reason: "interrupted", verdict: "error" }))
    expect(view()[1]).not.toContain("error")
    expect(view()[2]).toBe("interrupted: the labs are being healed")
  })

  test("fits into each terminal, and keeps what matters most", () => {
    const { view } = midway()
    for (const width of [200, 80, 60, 40, 20, 1]) {
      for (const height of [24, 8, 6, 4, 1]) {
        const lines = view(width, height)
        if (width >= 40) for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThan(width)
        if (height >= 8 && width >= 40) expect(lines.length).toBeLessThan(height)
        expect(lines.join(" ")).toContain("q")
      }
    }
    expect(view(60)[1]).toBe("quickstart: 0 of 6 done, 2 running, 1 parked, 1 preparing,")
    expect(view(60)).toContain("2 to come")
    expect(view(80, 6).slice(-2)).toEqual(["#  TRIAL                   STAGE      FOR  TOTAL", "  and 2 more"])
  })

  test("says what it waits for before it knows what is left to run", () => {
    const { state } = followCampaign({
      ...{ name: "quickstart", parallel: 1, now_ms: () => 0 },
      expected: () => ({ preparing_ms: 0, running_ms: 0, earlier: 0 }),
    })
    const lines = renderProgress(state, { width: 80, height: 24 }, { mono_ms: 0, now: new Date(0) }, PLAIN)
    expect(lines).toEqual(["", "quickstart: looking after what an earlier run left"])
  })

  test("makes whatever a campaign's file holds visible", () => {
    const { state } = followCampaign({
      name: "a\x1b[2Jb",
      parallel: 1,
      expected: () => ({ preparing_ms: 0, running_ms: 0, earlier: 0 }),
      now_ms: () => 0,
    })
    const lines = renderProgress(state, { width: 80, height: 24 }, { mono_ms: 0, now: new Date(0) }, PLAIN)
    expect(lines.join("\n")).not.toContain("\x1b")
  })
})

describe("the time left", () => {
  test("is what is expected of all that is left, as many at a time as may run", () => {
    const { left, follower, trial, clock, reach } = campaign()
    expect(left()).toBe(30_000)
    for (const place of [0, 1]) {
      follower.started(trial(place))
      follower.released(trial(place))
    }
    expect(left()).toBe(32_000)
    clock.advance(3_000)
    expect(left()).toBe(30_000)
    reach(0, "injecting")
    reach(1, "injecting")
    clock.advance(4_000)
    expect(left()).toBe(26_000)
    follower.ended(trial(0, { stage: "done", verdict: "repaired" }))
    expect(left()).toBe(23_000)
  })

  test("is never less than what the trial that takes longest still needs, nor than nothing", () => {
    const { left, follower, trial, clock, reach } = campaign()
    for (const place of PLAN.keys()) {
      follower.started(trial(place))
      reach(place, "injecting")
    }
    for (const place of [0, 1, 2, 3, 4]) follower.ended(trial(place, { stage: "done", verdict: "repaired" }))
    expect(left()).toBe(10_000)
    clock.advance(60_000)
    expect(left()).toBe(0)
  })
})

test("attempts of an earlier run are brought to their end without a word", () => {
  const { follower, trial } = campaign()
  expect(follower.stage(trial(0, { id: "unknown" }), "healing")).toBeUndefined()
  expect(follower.ended(trial(0, { id: "unknown", stage: "error" }))).toBeUndefined()
})
