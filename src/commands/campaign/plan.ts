import { expectAll, type Expected, type ExpectedTotal, expectTrials } from "../../campaign/expected.ts"
import type { CampaignRequest } from "../../campaign/file.ts"
import type { Matrix, PlannedTrial } from "../../campaign/matrix.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, paint, printJson } from "../../lib/output.ts"
import type { Column } from "../../lib/table.ts"
import type { Store } from "../../store/open.ts"
import { printGroups } from "./groups.ts"
import { cellName, showPercent } from "./words.ts"

/** What a campaign would run, in the order in which it would, and how long it would take. */
export interface Plan {
  name: string
  parallel: number
  cooldown_ms: number
  expected: ExpectedTotal
  trials: (PlannedTrial & Expected & { number: number })[]
}

/** Nothing is run for it. */
export async function planOf(store: Store, matrix: Matrix, request: CampaignRequest): Promise<Plan> {
  const { name, parallel, cooldown_ms } = request
  const expectation = await expectTrials(store, matrix.trials)
  const trials = matrix.trials.map((trial, index): Row => ({ number: index + 1, ...trial, ...expectation(trial) }))
  return { name, parallel, cooldown_ms, expected: expectAll(trials, { parallel, cooldown_ms }), trials }
}

export function showPlan(plan: Plan, json: boolean): void {
  if (json) printJson(planData(plan))
  else printPlan(plan)
}

/** A plan as data, without what is the same in all of its trials or can be read elsewhere. */
export function planData({ trials, ...plan }: Plan) {
  return {
    ...plan,
    trials: trials.map(({ subject_text, variant_text, prompt_text, prices_text, limits, ...row }) => row),
  }
}

export function printPlan({ trials: rows, parallel, cooldown_ms, expected }: Plan): void {
  const { total_ms, from_earlier } = expected
  const blocks = Map.groupBy(rows, ({ repetition }) => repetition)
  printGroups(rows, {
    heading: ({ repetition, seed }) => {
      const block = blocks.get(repetition) ?? []
      const time = showDuration(expectAll(block, { parallel, cooldown_ms }).total_ms)
      return `block ${repetition} of ${blocks.size}, seed ${seed}: ${block.length} trials, about ${time}`
    },
    layouts: [
      [NUMBER, CELL, VARIANT, EXPECTED, FROM],
      [NUMBER, CELL, VARIANT, EXPECTED],
    ],
  })
  const known = from_earlier === 1 ? "all" : from_earlier === 0 ? "none" : showPercent(from_earlier)
  note(
    `${rows.length} trials, ${parallel} at a time: about ${showDuration(total_ms)}, ${known} of it known from earlier trials`,
  )
  if (from_earlier < 1) note(paint(process.stderr).dim(ESTIMATE))
}

// internal

type Row = Plan["trials"][number]

/** What `expectTrials` does where there is no earlier trial. */
const ESTIMATE =
  "Estimates: where nothing is broken all of symptom_within, where nobody repairs all of the deadline, else a short repair and stable."

const NUMBER: Column<Row> = { title: "#", value: ({ number }) => number, align: "right" }
const CELL: Column<Row> = { title: "CELL", value: cellName, flexible: true }
const VARIANT: Column<Row> = { title: "VARIANT", value: ({ variant }) => variant, flexible: true }
const EXPECTED: Column<Row> = { title: "EXPECTED", value: ({ running_ms }) => showDuration(running_ms), align: "right" }
const FROM: Column<Row> = {
  title: "FROM",
  value: ({ earlier }) => (earlier === 0 ? "an estimate" : `${earlier} earlier ${earlier === 1 ? "trial" : "trials"}`),
}
