import { type Platform, PLATFORMS } from "./lab.ts"
import { showPerPlatform } from "./per-platform.ts"
import { ruleFilesOf } from "./rule-contents.ts"
import {
  type InvariantDeclaration,
  isJudgedByHealth,
  NODE_HEALTHY,
  NODE_RUNNING,
  type Probe,
  SLO,
  type Subject,
} from "./subject.ts"

/** A subject as people ask about it. */
export type SubjectOutline = Awaited<ReturnType<typeof outlineSubject>>

/** An invariant, also one that nobody has to declare. */
export interface InvariantOutline {
  name: string
  about: string | null
  role: "gate" | "notice"
  severity: string
  each: string | null
  /** What is looked at. */
  asks: string
  holds: string | null
  for_ms: number
  every_ms: number | null
  /** `rules`: it is an alert of a Prometheus rule file. */
  from: "built in" | "subject" | "rules"
}

/** What a subject is and has, its built-in gates and the alerts of its rule files included. */
export async function outlineSubject(subject: Subject) {
  const { name, about, brief, services, groups, egress, ready, workload, prometheus = null } = subject
  const { files, invariants: declared } = await ruleFilesOf(subject.text, subject.file)
  const isAlert = (invariant: InvariantDeclaration) => files.length > 0 && !declared.includes(invariant.name)
  return {
    ...{
      name,
      about,
      file: subject.file,
      platforms: platformsOf(subject),
      brief,
      services,
      groups,
      egress,
      prometheus,
    },
    ready: { timeout_ms: ready.timeout, stable_ms: ready.stable },
    invariants: [
      ...builtIn(subject),
      ...subject.invariants.map((invariant) => outline(invariant, isAlert(invariant) ? "rules" : "subject")),
    ],
    rules: files.map(({ file, role }) => ({ file, role })),
    workload: workload ? outlineWorkload(workload) : null,
    faults: Object.entries(subject.faults).map(([name, fault]) => {
      const { group = null, noticed_by, may_change, params, repair, declared } = fault
      return { name, about: declared?.about ?? null, group, noticed_by, may_change, params, repair: repair ?? {} }
    }),
    state: subject.state.map(({ name, probe, pick = null }) => ({ name, asks: showProbe(probe), pick })),
    notes: subject.notes,
  }
}

/** Where a subject can run; the first is where it does unless it is said otherwise. */
export function platformsOf(subject: Pick<Subject, "processes">): Platform[] {
  return PLATFORMS.filter((platform) => platform === "docker" || Object.keys(subject.processes).length > 0)
}

// internal

function builtIn(subject: Subject): InvariantOutline[] {
  const gate = { about: null, role: "gate", each: null, holds: null, every_ms: null, from: "built in" } as const
  const node = { ...gate, severity: "critical", for_ms: 0 }
  return [
    { ...node, name: NODE_RUNNING, asks: "whether each node runs" },
    ...(isJudgedByHealth(subject)
      ? [{ ...node, name: NODE_HEALTHY, asks: "what each node's own health check says" }]
      : []),
    ...(subject.workload ? [{ ...gate, name: SLO, ...objective(subject.workload) }] : []),
  ]
}

function objective({ slo }: NonNullable<Subject["workload"]>) {
  const asks = `the workload: ${slo.success * 100} % succeed, p99 ${slo.p99} ms`
  return { severity: slo.severity, asks, for_ms: slo.for }
}

function outline(invariant: InvariantDeclaration, from: "subject" | "rules"): InvariantOutline {
  const { name, about = null, role, severity, each = null, probe, alert, holds = null, every = null } = invariant
  const asks = alert ?? (probe ? showProbe(probe) : "")
  return { name, about, role, severity, each, asks, holds, for_ms: invariant.for, every_ms: every, from }
}

function outlineWorkload({ rate, timeout, write, read, slo }: NonNullable<Subject["workload"]>) {
  return {
    rate_per_s: rate,
    timeout_ms: timeout,
    write: showProbe(write),
    read: read ? showProbe(read) : null,
    slo: { success: slo.success, p99_ms: slo.p99, severity: slo.severity, for_ms: slo.for },
  }
}

/** What a probe looks at, on one line. */
function showProbe(probe: Probe): string {
  if ("http" in probe) return `${probe.http.method === "GET" ? "" : `${probe.http.method} `}${probe.http.url}`
  return "tcp" in probe ? `tcp ${probe.tcp}` : showPerPlatform(probe.exec)
}
