import type { Lab } from "../../src/lab/lab.ts"
import { operatorBlock } from "../../src/lab/subject.ts"
import type { Answer, ProbeOptions, ProbeResult } from "../../src/monitor/probes/answer.ts"
import { runProbe } from "../../src/monitor/probes/probe.ts"

/** The result of a probe, declared as a subject does. */
export function probed(lab: Lab, declared: unknown, options: Partial<ProbeOptions> = {}): Promise<ProbeResult> {
  const [state] = operatorBlock.parse({ state: [{ name: "state", probe: declared }] }).state
  const signal = new AbortController().signal
  return runProbe(lab, state!.probe, { values: {}, timeout_ms: 2_000, signal, ...options })
}

/** The same, where an answer is expected. */
export async function answered(lab: Lab, declared: unknown, options: Partial<ProbeOptions> = {}): Promise<Answer> {
  const result = await probed(lab, declared, options)
  if (result.kind !== "answer") throw new Error(`${result.kind}: ${result.reason}`)
  return result.value
}
