import { parsedBody } from "../../lab/http.ts"
import type { Lab } from "../../lab/lab.ts"
import { type PerPlatform, textFor } from "../../lab/per-platform.ts"
import type { ProbeOptions, ProbeResult } from "./answer.ts"

/**
 * A command that looks and prints what it saw. It stands between the monitor and the node: when it fails, takes too
 * long or prints nothing, nothing was seen.
 */
export async function execProbe(lab: Lab, commands: PerPlatform, options: ProbeOptions): Promise<ProbeResult> {
  const command = textFor(commands, lab.platform)
  if (command === undefined) return { kind: "blind", reason: `there is no command for a ${lab.platform} lab` }
  const { values, timeout_ms, signal } = options
  const node = values.node === undefined ? {} : { node: values.node }
  const start_ms = performance.now()
  const result = await lab.exec(lab.render(command, values), { timeout_ms, signal, ...node })
  const duration_ms = performance.now() - start_ms
  if (signal.aborted) return { kind: "blind", reason: "the probe was stopped" }
  if (result.timed_out) return { kind: "blind", reason: `the probe's command took longer than ${timeout_ms} ms` }
  if (result.exit_code !== 0) {
    const last = result.output.trim().split("\n").at(-1) ?? ""
    return { kind: "blind", reason: `the probe's command ended with ${result.exit_code ?? "a signal"}: ${last}` }
  }
  const text = result.stdout.trim()
  if (text === "") return { kind: "blind", reason: "the probe's command printed nothing" }
  return { kind: "answer", value: { exit_code: 0, body: parsedBody(text), duration_ms } }
}
