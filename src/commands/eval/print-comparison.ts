import type { Comparison, Question } from "../../eval/compare.ts"
import type { Changes } from "../../eval/paired-measures.ts"
import { showDollars } from "../../lib/dollars.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, oneLine, paint, print, wrapped } from "../../lib/output.ts"
import type { Column } from "../../lib/table.ts"
import { printGroups } from "../campaign/groups.ts"
import { printScorecard, type ScoreRow } from "./scorecard.ts"
import { showLift } from "./scores.ts"

/** What each comparison says of success, and below it every measure side by side. */
export function printComparisons(comparisons: readonly Comparison[]): void {
  const { bold, dim, yellow } = paint(process.stdout)
  const rows = comparisons.flatMap((comparison) =>
    comparison.questions.map((question): Row => ({ ...comparison, question })),
  )
  if (rows.length > 0) printGroups(rows, { heading: namesOf, layouts: LAYOUTS })
  for (const comparison of comparisons) {
    print(`\n${bold(oneLine(namesOf(comparison)))}`)
    print(dim(countsInWords(comparison)))
    for (const caveat of comparison.caveats) note(yellow(oneLine(`${namesOf(comparison)}: ${caveat}`)))
    const changes = comparison.changes.filter(isSaid)
    if (changes.length > 0) printScorecard(["A", "B", "B − A"], changes.map(scoreRow))
  }
  const asked = rows.length > 1 ? `HOLM: p when all ${rows.length} rows are taken together. ` : ""
  const line = `P: McNemar's exact test. ${asked}Differences are B's minus A's over pairs, with 95 % intervals that are never narrower than a bootstrap over cells.`
  note(dim(wrapped(line, process.stderr)))
}

/** What may be concluded, in a sentence. No winner where the intervals allow none. */
export function conclusion({ a, b, question }: Pick<Comparison, "a" | "b"> & { question: Question }): string {
  const { winner, detectable } = question
  if (winner !== null) return `${winner === "b" ? b : a} is better`
  const could = detectable === null ? "too few pairs to see any" : `could have seen ${Math.ceil(detectable * 100)} pp`
  return `no difference shown; ${could}`
}

// internal

type Row = Comparison & { question: Question }

const namesOf = ({ a, b }: Pick<Comparison, "a" | "b">) => `A: ${a}   B: ${b}`

const SUCCESS: Column<Row> = { title: "SUCCESS", value: ({ question }) => question.success }
const PAIRS: Column<Row> = { title: "PAIRS", value: ({ question }) => question.pairs, align: "right" }
const CELLS: Column<Row> = { title: "CELLS", value: ({ question }) => question.cells, align: "right" }
const OF_A: Column<Row> = { title: "A", value: ({ question: { both, only_a } }) => both + only_a, align: "right" }
const OF_B: Column<Row> = { title: "B", value: ({ question: { both, only_b } }) => both + only_b, align: "right" }
const ONLY_A: Column<Row> = { title: "ONLY A", value: ({ question }) => question.only_a, align: "right" }
const ONLY_B: Column<Row> = { title: "ONLY B", value: ({ question }) => question.only_b, align: "right" }
const DIFFERENCE: Column<Row> = { title: "B − A", value: ({ question }) => showLift(question), align: "right" }
const P: Column<Row> = { title: "P", value: ({ question }) => showP(question.p), align: "right" }
const HOLM: Column<Row> = { title: "HOLM", value: ({ question }) => showP(question.p_holm), align: "right" }
const SAYS: Column<Row> = {
  title: "SAYS",
  value: conclusion,
  paint: ({ question }, colours) => colours[question.winner === null ? "dim" : "green"],
}

const LAYOUTS: Column<Row>[][] = [
  [SUCCESS, PAIRS, CELLS, OF_A, OF_B, ONLY_A, ONLY_B, DIFFERENCE, P, HOLM, SAYS],
  [SUCCESS, PAIRS, OF_A, OF_B, DIFFERENCE, HOLM, SAYS],
  [SUCCESS, PAIRS, OF_A, OF_B, HOLM, SAYS],
  [SUCCESS, PAIRS, OF_A, OF_B, { ...SAYS, flexible: true }],
]

function showP(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3)
}

function countsInWords({ pairs, cells, dropped, alone }: Comparison): string {
  return `pairs ${pairs} · cells ${cells} · dropped ${dropped} (an arm does not count) · without a partner ${alone}`
}

/** What neither side ever had is left out. */
const isSaid = ({ a, b }: Changes) => a !== 0 || b !== 0

function scoreRow({ title, unit, pairs, a, b, difference, low, high }: Changes): ScoreRow {
  const show = (value: number) => {
    const size = Math.abs(value)
    const text =
      unit === "ms" ? showDuration(size) : unit === "usd" ? showDollars(size) : size.toFixed(unit === "tokens" ? 0 : 1)
    return value < 0 ? `−${text}` : text
  }
  const plus = (value: number) => (value > 0 ? `+${show(value)}` : show(value))
  const bounds = low === null || high === null ? "" : `, ${plus(low)} to ${plus(high)}`
  return { measure: `${title} (${pairs})`, values: [show(a), show(b), `${plus(difference)}${bounds}`] }
}
