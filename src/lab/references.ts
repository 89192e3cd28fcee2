import { checkExpression } from "../lib/expression.ts"
import { didYouMean } from "../lib/nearest.ts"
import { alertProblems, missingProblems, NO_PROMETHEUS, type Problem } from "./alert-problems.ts"
import type { Rules } from "./rules.ts"
import { BUILT_IN_INVARIANTS, type OperatorBlock } from "./subject.ts"

/** What a block of the right shape says that cannot be: names of what there is not, expressions that are none. `rules` are the alerts of each of its rule files. */
export function* referenceProblems(
  block: OperatorBlock,
  services: readonly string[],
  rules: Rules["invariants"],
): Generator<Problem> {
  const places = [...Object.keys(block.groups), ...services]
  const ruleNames = rules.flat().map(({ name }) => name)
  const invariants = [...block.invariants.map(({ name }) => name), ...BUILT_IN_INVARIANTS, ...ruleNames]
  const unknown = (path: Problem["path"], what: string, word: string, known: readonly string[]): Problem[] =>
    known.includes(word) ? [] : [{ path, message: `there is no ${what} "${word}"${didYouMean(word, known)}` }]

  for (const [group, names] of Object.entries(block.groups)) {
    for (const [index, name] of names.entries()) yield* unknown(["groups", group, index], "service", name, services)
  }
  for (const [index, invariant] of block.invariants.entries()) {
    const path = ["invariants", index]
    if (invariant.each !== undefined) yield* unknown([...path, "each"], "group or service", invariant.each, places)
    if (invariants.indexOf(invariant.name) !== index)
      yield { path: [...path, "name"], message: `"${invariant.name}" is there twice` }
    yield* expression([...path, "holds"], invariant.holds)
    yield* alertProblems(path, invariant, block.prometheus)
  }
  if (block.rules.length > 0 && block.prometheus === undefined) yield { path: ["rules"], message: NO_PROMETHEUS }
  for (const [index, { may_be_missing = [] }] of block.rules.entries()) {
    yield* missingProblems(["rules", index, "may_be_missing"], may_be_missing, rules[index] ?? [])
  }
  for (const [name, fault] of Object.entries(block.faults)) {
    if (fault.group !== undefined) yield* unknown(["faults", name, "group"], "group or service", fault.group, places)
    for (const [index, noticed] of fault.noticed_by.entries()) {
      yield* unknown(["faults", name, "noticed_by", index], "invariant", noticed, invariants)
    }
  }
  for (const [index, state] of block.state.entries()) yield* expression(["state", index, "pick"], state.pick)
  for (const operation of ["read", "write"] as const) {
    yield* expression(["workload", operation, "holds"], block.workload?.[operation]?.holds)
  }
  if (!block.egress && Object.keys(block.processes).length > 0)
    yield { path: ["egress"], message: "processes share this machine's network, which has a way out" }
  for (const name of Object.keys(block.processes)) yield* unknown(["processes", name], "service", name, services)
}

// internal

function expression(path: Problem["path"], text: string | undefined): Problem[] {
  const message = text === undefined ? undefined : checkExpression(text)
  return message === undefined ? [] : [{ path, message }]
}
