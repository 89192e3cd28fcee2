import type { CampaignRequest } from "../../campaign/file.ts"
import type { Matrix } from "../../campaign/matrix.ts"
import { note, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import type { Store } from "../../store/open.ts"

/** What a campaign would run, in the order in which it would, and nothing is run. */
export function showPlan(_store: Store, matrix: Matrix, request: CampaignRequest, json: boolean): void {
  const trials = matrix.trials.map(({ subject, fault, target, params, variant, repetition, seed }, index) => ({
    number: index + 1,
    subject,
    fault,
    target,
    params,
    variant,
    repetition,
    seed,
  }))
  if (json) return printJson({ name: request.name, parallel: request.parallel, trials })
  printTable(trials, [
    { title: "#", value: ({ number }) => number, align: "right" },
    { title: "SUBJECT", value: ({ subject }) => subject },
    { title: "FAULT", value: ({ fault }) => fault },
    { title: "TARGET", value: ({ target }) => target },
    {
      title: "PARAMS",
      value: ({ params }) =>
        Object.entries(params)
          .map(([name, value]) => `${name}=${value}`)
          .join(" "),
      flexible: true,
    },
    { title: "VARIANT", value: ({ variant }) => variant },
    { title: "REPETITION", value: ({ repetition }) => repetition, align: "right" },
    { title: "SEED", value: ({ seed }) => seed, align: "right" },
  ])
  note(`${trials.length} trials, ${request.parallel} at a time`)
}
