import { z } from "zod"
import { duration } from "../lib/duration-schema.ts"
import { perPlatform } from "./per-platform.ts"

/** Gates that every subject has without declaring them. */
export const NODE_RUNNING = "node_running"
export const NODE_HEALTHY = "node_healthy"
export const SLO = "slo"
export const BUILT_IN_INVARIANTS = [NODE_RUNNING, NODE_HEALTHY, SLO] as const

/** Arrives as "20/s", leaves as requests a second. */
const rate = z
  .string()
  .regex(/^\d+(\.\d+)?\/s$/, "a rate such as 20/s")
  .transform((text) => Number(text.slice(0, -2)))

const request = z.strictObject({
  method: z.enum(["GET", "POST", "PUT", "DELETE", "HEAD"]).default("GET"),
  url: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
})
const http = z.union([z.string().transform((url) => request.parse({ url })), request])

const probe = z.union([
  z.strictObject({ http }),
  z.strictObject({ tcp: z.string() }),
  z.strictObject({ exec: perPlatform() }),
])

const severity = z.enum(["critical", "warning", "info"])

/** Metrics that alerts name and that need not be there: a counter that is born with the first event that it counts. */
const may_be_missing = z.array(z.string()).optional()

const role = z.enum(["gate", "notice"])

/** Has either a probe or an alert, which `parseSubject` sees to. */
const invariant = z.strictObject({
  name: z.string(),
  about: z.string().optional(),
  role: role.default("gate"),
  severity: severity.default("warning"),
  each: z.string().optional(),
  probe: probe.optional(),
  /** PromQL: each series that it returns is a violation. */
  alert: z.string().optional(),
  may_be_missing,
  holds: z.string().optional(),
  for: duration.default(0),
  every: duration.optional(),
  timeout: duration.optional(),
})

const operation = z.strictObject({ http, holds: z.string().optional() })

const workload = z.strictObject({
  rate,
  timeout: duration.default(1_000),
  write: operation,
  read: operation.optional(),
  slo: z.strictObject({
    success: z.number().min(0).max(1),
    p99: duration,
    severity: severity.default("critical"),
    for: duration.default(0),
  }),
})

/** A fault that the subject itself declares, as commands with their undo. `{node}`, `{lab}` and `{seed}` are filled in. */
const declared = z.strictObject({
  about: z.string(),
  inject: perPlatform(),
  undo: perPlatform(),
  /** Exits 0 while the fault is there, 1 when it is gone. */
  active: perPlatform(),
})

const fault = z.strictObject({
  noticed_by: z.array(z.string()).default([]),
  repair: perPlatform().optional(),
  may_change: z.array(z.string()).default([]),
  group: z.string().optional(),
  params: z.record(z.string(), z.unknown()).default({}),
  declared: declared.optional(),
})

/** A file of Prometheus' alerting rules, named from the subject's folder; `content` is what it held when the subject was read. */
const ruleFileFields = z.strictObject({
  file: z.string(),
  role: role.default("notice"),
  may_be_missing,
  content: z.string().optional(),
})
export const ruleFile = z.union([z.string().transform((file) => ruleFileFields.parse({ file })), ruleFileFields])

/** The `x-operator` block of a Compose file, validated. */
export const operatorBlock = z.strictObject({
  about: z.string().default(""),
  brief: perPlatform().default(""),
  groups: z.record(z.string(), z.array(z.string()).min(1, "a group needs at least one service")).default({}),
  /** False takes the internet away from a lab by Compose: from its services, its kitchen, and whatever the agent makes there. */
  egress: z.boolean().default(true),
  /** Words by which a trial would be given away, and that are this subject's own: its agent may read them. */
  own_words: z.array(z.string()).default([]),
  ready: z.strictObject({ timeout: duration.default(60_000), stable: duration.default(2_000) }).prefault({}),
  /** Where alerts are asked; a service's name is resolved by the lab. Where a platform has none, nobody asks. */
  prometheus: perPlatform(
    z.url({ protocol: /^https?$/, error: "an address such as http://prometheus:9090" }),
  ).optional(),
  invariants: z.array(invariant).default([]),
  rules: z.array(ruleFile).default([]),
  workload: workload.optional(),
  faults: z.record(z.string(), fault).default({}),
  state: z.array(z.strictObject({ name: z.string(), probe, pick: z.string().optional() })).default([]),
  processes: z
    .record(z.string(), z.strictObject({ command: z.string(), env: z.record(z.string(), z.string()).default({}) }))
    .default({}),
})

export type OperatorBlock = z.output<typeof operatorBlock>
export type Probe = z.output<typeof probe>
export type HttpRequest = z.output<typeof request>
export type InvariantDeclaration = z.output<typeof invariant>
export type Workload = z.output<typeof workload>
export type Operation = z.output<typeof operation>
export type FaultDeclaration = z.output<typeof fault>
export type DeclaredFault = z.output<typeof declared>
export type RuleFile = z.output<typeof ruleFile>
export type StateDeclaration = OperatorBlock["state"][number]

/** The invariants that decide readiness and recovery. */
export function gatesOf(subject: Pick<Subject, "invariants">): string[] {
  return [...subject.invariants.filter(({ role }) => role === "gate").map(({ name }) => name), ...BUILT_IN_INVARIANTS]
}

/** Whether it is for the containers' own health checks to say that a node is well: the subject has no gate that does. */
export function isJudgedByHealth({ invariants }: Pick<Subject, "invariants">): boolean {
  return invariants.every(({ role }) => role !== "gate")
}

/** A system that can be run, watched and broken. */
export interface Subject extends OperatorBlock {
  name: string
  /** Where it was read from, for messages; an embedded one says so. */
  file: string
  /** The file as it was, comments included, with the content of its rule files: what a run stores. */
  text: string
  services: string[]
  /** What people should know of it, such as rules that were left out. */
  notes: string[]
}
