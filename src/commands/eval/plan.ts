import { findBlock } from "../../campaign/planned-block.ts"
import { parsePoints, planPower, type PowerPlan } from "../../campaign/power-plan.ts"
import { defineCommand } from "../../lib/command.ts"
import { showDollars } from "../../lib/dollars.ts"
import { showDuration } from "../../lib/duration.ts"
import { note, oneLine, paint, print, printJson, wrapped } from "../../lib/output.ts"
import { openStore, storeFile } from "../../store/open.ts"
import { showPercent } from "../campaign/words.ts"

export default defineCommand({
  about:
    "How many trials it takes to see a difference between the variants of a campaign, how long they would run and what they would cost, from what earlier trials took. Nothing is run.",
  examples: [
    "operator eval plan --detect 15pp quickstart",
    "operator eval plan --detect 20pp last --parallel 4 --json",
  ],
  args: {
    campaign: {
      type: "positional",
      default: "last",
      complete: "campaign",
      description: "a campaign's name or its file, or the id of one that was run; `last`",
    },
    detect: {
      type: "string",
      required: true,
      valueHint: "POINTS",
      description: "the difference in success rates: 15pp",
    },
    parallel: {
      type: "number",
      integer: true,
      min: 1,
      description: "trials that run at once (as in the file, else 1)",
    },
  },
  run: async ({ args }) => {
    const detect = parsePoints(args.detect)
    const store = openStore(storeFile(args.db))
    const block = await findBlock(store, args.campaign)
    const plan = await planPower(store, { ...block, parallel: args.parallel ?? block.parallel }, detect)
    store.close()
    if (args.json) return printJson({ campaign: block.name, ...plan })
    print(
      `${paint(process.stdout).bold(oneLine(block.name))}: to see ${points(detect)} in ${showPercent(plan.power)} of all cases`,
    )
    printPlan(plan)
  },
})

// internal

const points = (share: number) => `${Number((share * 100).toFixed(1))} pp`

function printPlan(plan: PowerPlan): void {
  const { pairs, without_pairs, cells, repetitions, trials, parallel, expected, dollars } = plan
  const unknown =
    dollars.unknown.length > 0 ? `, without ${dollars.unknown.join(", ")}: it has no limit, and was never run` : ""
  const rows: [string, string][] = [
    ["pairs", `${pairs} of each two variants; without pairs ${without_pairs} trials of each`],
    [
      "repetitions",
      `${repetitions} of each cell with each variant (\`trials: ${repetitions}\`, or -n ${repetitions}), ${cells} cells with a fault`,
    ],
    ["trials", trials.toLocaleString("en-US")],
    [
      "time",
      `about ${showDuration(expected.total_ms)}, ${parallel} at a time; ${known(expected.from_earlier)} from earlier trials`,
    ],
    [
      "dollars",
      `${dollars.usd === 0 ? "none" : `about ${showDollars(dollars.usd)}`}${unknown}; ${known(dollars.from_earlier)} from earlier trials`,
    ],
  ]
  const width = Math.max(...rows.map(([term]) => term.length))
  for (const [term, text] of rows) print(wrapped(oneLine(`  ${term.padEnd(width)}  ${text}`), process.stdout))
  const { dim } = paint(process.stderr)
  for (const line of assumptionsOf(plan)) note(dim(wrapped(line, process.stderr)))
}

function known(share: number): string {
  if (share === 1) return "all"
  return share === 0 ? "nothing" : showPercent(share)
}

function assumptionsOf({ rate, correlation, questions, dollars }: PowerPlan): string[] {
  const from = (count: number, what: string, otherwise: string) =>
    count > 0 ? `from ${count} earlier ${what}` : otherwise
  return [
    `One side succeeds in ${showPercent(rate.value)} (${from(rate.earlier, "trials", "nothing is known, and that needs most")}), the other in as much more or less.`,
    `Successes of both go together by ${correlation.value.toFixed(2)} (${from(correlation.earlier, "pairs", "too few pairs are known, and that needs most")}). Pairs count as independent: what is seen holds for these cells.`,
    `McNemar's exact test${questions > 1 ? `, adjusted for the ${questions} questions that compare-baseline asks` : ""}.`,
    ...(dollars.from_earlier < 1
      ? ["Dollars of what was never run: each session uses up its limit, which is the most that it can."]
      : []),
  ]
}
