import { showDuration } from "../../lib/duration.ts"
import { oneLine, paint, print } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { squeezed } from "../../lib/text.ts"
import type { InvariantOutline, SubjectOutline } from "../../lab/outline.ts"
import { showPerPlatform } from "../../lab/per-platform.ts"

/** A subject for people: what it is in a few lines, then a table each of what must hold, how it is broken, and what is compared. */
export function printOutline(subject: SubjectOutline): void {
  const { bold } = paint(process.stdout)
  print(`${bold(oneLine(subject.name))}  ${oneLine(subject.file)}`)
  if (subject.about !== "") print(subject.about)
  print("")
  for (const [label, text] of facts(subject)) print(`${label.padEnd(LABEL_WIDTH)}${oneLine(text)}`)

  print("")
  printTable<InvariantOutline>(subject.invariants, [
    { title: "INVARIANT", value: ({ name }) => name, flexible: true },
    { title: "ROLE", value: ({ role }) => role },
    { title: "SEVERITY", value: ({ severity }) => severity, paint: severityColour },
    { title: "FOR", value: ({ for_ms }) => (for_ms === 0 ? "at once" : showDuration(for_ms)), align: "right" },
    { title: "EACH", value: ({ each }) => each ?? "" },
    { title: "FROM", value: ({ from }) => from },
    {
      title: "ASKS",
      value: ({ asks, holds }) => squeezed(holds === null ? asks : `${asks} → ${holds}`),
      flexible: true,
    },
  ])
  if (subject.faults.length > 0) {
    print("")
    printTable(subject.faults, [
      { title: "FAULT", value: ({ name }) => name },
      { title: "AT", value: ({ group }) => group ?? "the whole" },
      { title: "NOTICED BY", value: ({ noticed_by }) => noticed_by.join(", "), flexible: true },
      { title: "MAY CHANGE", value: ({ may_change }) => may_change.join(", ") },
      { title: "REPAIR", value: ({ repair }) => showPerPlatform(repair) || "none", flexible: true },
    ])
  }
  if (subject.state.length === 0) return
  print("")
  printTable(subject.state, [
    { title: "STATE", value: ({ name }) => name },
    { title: "ASKS", value: ({ asks, pick }) => squeezed(pick === null ? asks : `${asks} → ${pick}`), flexible: true },
  ])
}

// internal

const LABEL_WIDTH = 12

const severityColour = ({ severity }: InvariantOutline, colours: ReturnType<typeof paint>) =>
  severity === "critical" ? colours.red : severity === "warning" ? colours.yellow : colours.dim

function* facts(subject: SubjectOutline): Generator<[label: string, text: string]> {
  const { platforms, services, groups, egress, ready, workload, prometheus, rules, brief, notes } = subject
  yield ["runs on", platforms.join(", or ")]
  yield ["services", services.join(" ")]
  for (const [name, members] of Object.entries(groups)) yield ["group", `${name}: ${members.join(" ")}`]
  yield [
    "ready",
    `within ${showDuration(ready.timeout_ms)}, once every gate has held for ${showDuration(ready.stable_ms)}`,
  ]
  if (workload) {
    const { rate_per_s, write, read, slo } = workload
    yield [
      "load",
      `${rate_per_s} a second: ${write}${read === null ? "; no read, so loss is not measured" : `, read by ${read}`}`,
    ]
    yield ["slo", `${slo.success * 100} % succeed, p99 within ${showDuration(slo.p99_ms)}`]
  } else yield ["load", "none"]
  if (!egress) yield ["internet", "none"]
  if (prometheus !== null) yield ["prometheus", showPerPlatform(prometheus)]
  for (const { file, role } of rules) yield ["rules", `${file}, each a ${role}`]
  for (const note of notes) yield ["note", note]
  const told = showPerPlatform(brief)
  if (told !== "") yield ["brief", told]
}
