import type { Lab, Node } from "../lab/lab.ts"
import { textFor } from "../lab/per-platform.ts"
import { members } from "../lab/render.ts"
import type { InvariantDeclaration } from "../lab/subject.ts"
import { UsageError } from "../lib/errors.ts"
import { judge, type Observation } from "./judge.ts"
import { alertProbe, type Spread } from "./probes/alert.ts"
import { runProbe } from "./probes/probe.ts"

/** How often an invariant is looked at that says nothing else, and how long a probe may take. */
export const MONITOR_INTERVAL_MS = 1_000
export const PROBE_TIMEOUT_MS = 2_000
/** Prometheus has nothing new more often than it scrapes, so it is asked half as often as a node. */
const ALERT_INTERVALS = 2

/** The node of what is watched once for the whole lab. */
export const WHOLE_LAB = "lab"

/** One invariant at one node: what the monitor follows. */
export interface Target<Seen extends Observation | Spread = Observation | Spread> {
  invariant: string
  node: string
  role: "gate" | "notice"
  severity: string
  /** A violation shorter than this is no ticket. A gate fails at once. */
  for_ms: number
  /** Blindness shorter than this is no ticket, nor shorter than the monitor's own patience. */
  blind_ms?: number
  /** How often there is something new to see. */
  every_ms: number
  /** How often to look for it, where that is not the same. */
  look_every_ms?: number
  /** Looking finds parts of it, each with tickets of its own: the series of an alert. */
  has_parts?: boolean
  /** One look; undefined when there is nothing new. */
  look(signal: AbortSignal): Promise<Seen | undefined>
  /** What it says of its node that the lab has told something of it; undefined when that is nothing. */
  hear?(node: Node): Observation | undefined
}

/** How a target is named to people and in the `gates` event. */
export function labelOf({ invariant, node }: Pick<Target, "invariant" | "node">): string {
  return node === WHOLE_LAB ? invariant : `${invariant} ${node}`
}

/** The targets of the invariants that the subject declares. */
export function declaredTargets(lab: Lab, nodes: readonly Node[], interval_ms: number): Target[] {
  return lab.subject.invariants.flatMap((declared) => {
    if (!isAskedOn(lab, declared)) return []
    if (declared.each === undefined) return [declaredTarget(lab, declared, interval_ms)]
    const services = members(lab.subject, declared.each)
    const watched = nodes.filter((node) => services.includes(node.service))
    if (watched.length === 0) {
      throw new UsageError(`${lab.subject.file}: ${declared.name} would watch no node of ${lab.id}`, {
        hint: `its nodes: ${nodes.map(({ name }) => name).join(", ")}`,
      })
    }
    return watched.map((node) => declaredTarget(lab, declared, interval_ms, node))
  })
}

// internal

/** Whether a lab of this platform has whom to ask. */
function isAskedOn({ subject, platform }: Lab, { alert, probe }: InvariantDeclaration): boolean {
  if (alert !== undefined) return textFor(subject.prometheus, platform) !== undefined
  return probe === undefined || !("exec" in probe) || textFor(probe.exec, platform) !== undefined
}

function declaredTarget(lab: Lab, declared: InvariantDeclaration, interval_ms: number, node?: Node): Target {
  const { name: invariant, role, severity, for: for_ms, every } = declared
  const timeout_ms = declared.timeout ?? PROBE_TIMEOUT_MS
  // Where a violation may last for minutes before anybody is called, nobody is called for ten seconds of blindness either.
  const target = { invariant, node: node?.name ?? WHOLE_LAB, role, severity, for_ms, blind_ms: for_ms }
  if (declared.alert !== undefined) {
    const { alert: expression, about, may_be_missing } = declared
    const prometheus = textFor(lab.subject.prometheus, lab.platform) ?? ""
    const alert = { prometheus, expression, about, may_be_missing }
    const look = (signal: AbortSignal) => alertProbe(lab, alert, { timeout_ms, signal })
    return { ...target, has_parts: true, every_ms: every ?? ALERT_INTERVALS * interval_ms, look }
  }
  const { probe, holds } = declared
  if (probe === undefined) throw new UsageError(`${lab.subject.file}: ${invariant} has no probe`)
  const values: Record<string, string> = node ? { service: node.service, node: node.name } : {}
  const look = async (signal: AbortSignal) => judge(await runProbe(lab, probe, { values, timeout_ms, signal }), holds)
  return { ...target, every_ms: every ?? interval_ms, look }
}
