import type { Lab } from "../../lab/lab.ts"
import type { Probe } from "../../lab/subject.ts"
import { messageOf } from "../../lib/errors.ts"
import type { ProbeOptions, ProbeResult } from "./answer.ts"
import { execProbe } from "./exec.ts"
import { httpProbe } from "./http.ts"
import { tcpProbe } from "./tcp.ts"

/** Asks once. Never rejects: what goes wrong on the way to the node makes the probe blind. */
export async function runProbe(lab: Lab, probe: Probe, options: ProbeOptions): Promise<ProbeResult> {
  if (options.signal.aborted) return { kind: "blind", reason: "the probe was stopped" }
  try {
    if ("http" in probe) return await httpProbe(lab, probe.http, options)
    if ("tcp" in probe) return await tcpProbe(lab, probe.tcp, options)
    if ("exec" in probe) return await execProbe(lab, probe.exec, options)
    return probe satisfies never
  } catch (error) {
    return { kind: "blind", reason: messageOf(error) }
  }
}
