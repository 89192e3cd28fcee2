import { dirname, join } from "node:path"
import { z } from "zod"
import { UsageError } from "../lib/errors.ts"
import { FileError, type FileProblem, gather } from "../lib/file-error.ts"
import { scanPromql } from "../lib/promql.ts"
import { parseYaml } from "../lib/yaml.ts"
import type { InvariantDeclaration, RuleFile } from "./subject.ts"

/** What rule files add to a subject, and what people should know of them. */
export interface Rules {
  /** Of each file, in its order. */
  invariants: InvariantDeclaration[][]
  notes: string[]
}

/** Rules are many and mean to be slow: each costs Prometheus two queries, which may take as long as the next ones are away. */
const RULE_EVERY_MS = 5_000

/**
 * The alerts of Prometheus rule files, as vendors ship them, each an invariant. Recording rules are left out, and so are alerts that
 * name no metric (such as one that always fires, to show that alerts arrive): a note says how many. What is wrong in any of them
 * is a FileError with the rule file's name, line and column. `taken` are names that no rule may have.
 */
export async function readRules(
  files: readonly RuleFile[],
  subjectFile: string,
  taken: readonly string[],
): Promise<Rules> {
  const names = new Set(taken)
  const rules: Rules = { invariants: [], notes: [] }
  const problems: FileProblem[] = []
  for (const { content, ...of } of files) {
    const path = join(dirname(subjectFile), of.file)
    if (content === undefined) throw new UsageError(`${subjectFile}: the rule file ${path} was not read`)
    const { groups } = (await gather(problems, () => parseYaml(content, path, ruleFile))) ?? { groups: [] }
    const all = groups.flatMap((group) => group.rules)
    const alerts = all.flatMap((rule) => ("alert" in rule && scanPromql(rule.expr).metrics.length > 0 ? [rule] : []))
    if (alerts.length < all.length) rules.notes.push(leftOut(path, all))
    rules.invariants.push(alerts.map((alert) => toInvariant(alert, of, names)))
  }
  if (problems.length > 0) throw new FileError(problems)
  return rules
}

/** Vendors' many words for three severities. What nobody knows is a warning. */
export function severityOf(labels: Readonly<Record<string, string>>): "critical" | "warning" | "info" {
  const word = (labels.severity ?? labels.level ?? labels.priority ?? "").toLowerCase()
  if (CRITICAL.has(word)) return "critical"
  return INFO.has(word) ? "info" : "warning"
}

/** What an alert says of itself, its templates as they are. */
export function summaryOf(annotations: Readonly<Record<string, string>>): string | undefined {
  return annotations.summary ?? annotations.message ?? annotations.description
}

// internal

const CRITICAL = new Set(["critical", "page", "emergency", "fatal", "disaster", "high", "error", "p0", "p1"])
const INFO = new Set(["info", "information", "informational", "notice", "none", "low", "debug", "ok"])

const UNITS_MS = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1]
/** A duration of Prometheus ("Configuration"): "1h30m", "5d", or a bare 0. */
const PROMETHEUS_DURATION =
  /^(?:0|(?!$)(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?)$/

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const texts = z.record(z.string(), text).nullish()
const duration = text.refine(
  (value) => PROMETHEUS_DURATION.test(value),
  "a duration of Prometheus such as 30s, 5m or 1h30m",
)
const expression = text.superRefine((value, context) => {
  const { problem } = scanPromql(value)
  if (problem !== undefined) context.addIssue({ code: "custom", message: `no PromQL: ${problem}` })
})

/** Prometheus' "Alerting rules" and "Recording rules". `keep_firing_for` delays an end that the monitor wants to see. */
const alertingRule = z.strictObject({
  alert: z.string().min(1),
  expr: expression,
  for: duration.default("0"),
  keep_firing_for: duration.optional(),
  labels: texts,
  annotations: texts,
})
const recordingRule = z.strictObject({ record: z.string(), expr: text, labels: texts })

/** Groups have settings for Prometheus alone; rules are the same everywhere, so that a misspelt `for` is found. */
const ruleFile = z.looseObject({
  groups: z.array(
    z.looseObject({
      name: z.string(),
      rules: z
        .array(z.union([alertingRule, recordingRule]))
        .nullish()
        .transform(orNone),
    }),
  ),
})

function orNone<T>(list: T[] | null | undefined): T[] {
  return list ?? []
}

type AlertingRule = z.output<typeof alertingRule>

function toInvariant(rule: AlertingRule, of: Omit<RuleFile, "content">, names: Set<string>): InvariantDeclaration {
  const severity = severityOf(rule.labels ?? {})
  const name = freeName(rule.alert, severity, names)
  const about = summaryOf(rule.annotations ?? {})
  const told = about === undefined ? {} : { about }
  const { metrics } = scanPromql(rule.expr)
  const missing = metrics.filter((metric) => of.may_be_missing?.includes(metric))
  return {
    ...{ name, ...told, role: of.role, severity, alert: rule.expr, for: milliseconds(rule.for) },
    ...{ every: RULE_EVERY_MS, timeout: RULE_EVERY_MS },
    ...(missing.length > 0 && { may_be_missing: missing }),
  }
}

/** Vendors give one name to several alerts, most often of different severities. The first keeps it. */
function freeName(name: string, severity: string, names: Set<string>): string {
  const candidates = [name, `${name}_${severity}`]
  for (let n = 2; names.has(candidates.at(-1)!); n++) candidates.push(`${name}_${n}`)
  const free = candidates.find((candidate) => !names.has(candidate))!
  names.add(free)
  return free
}

function milliseconds(duration: string): number {
  const parts = PROMETHEUS_DURATION.exec(duration)?.slice(1) ?? []
  return parts.reduce((sum, part, index) => sum + Number(part ?? 0) * (UNITS_MS[index] ?? 0), 0)
}

function leftOut(path: string, rules: readonly z.output<typeof alertingRule | typeof recordingRule>[]): string {
  const recording = rules.filter((rule) => "record" in rule).length
  const always = rules.flatMap((rule) =>
    "alert" in rule && scanPromql(rule.expr).metrics.length === 0 ? [rule.alert] : [],
  )
  const parts = [
    ...(recording > 0 ? [`${recording} recording rules, which Prometheus itself has to evaluate`] : []),
    ...(always.length > 0 ? [`${always.join(", ")}, which names no metric`] : []),
  ]
  return `${path}: left out: ${parts.join("; ")}`
}
