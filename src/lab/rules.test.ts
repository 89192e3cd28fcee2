import { describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findSubject, parseSubject } from "./parse-subject.ts"
import { readRules, severityOf } from "./rules.ts"
import type { Subject } from "./subject.ts"

const ALERTS = `# After a vendor's mixin.
groups:
  - name: example
    interval: 30s
    rules:
      - record: job:errors:rate5m
        expr: sum by (job) (rate(errors_total[5m]))
      - alert: Watchdog
        expr: vector(1)
      - alert: ErrorsHigh
        expr: job:errors:rate5m > 5
        for: 1h30m
        labels: { severity: page, team: 7 }
        annotations:
          summary: "{{ $labels.job }} fails"
          description: "{{ $value }} a second"
      - alert: ErrorsHigh
        expr: job:errors:rate5m > 1
        for: 1m
        labels: { severity: warning }
      - alert: ErrorsHigh
        expr: |
          job:errors:rate5m > 0.5
      - alert: Down
        expr: up == 0
        labels: { level: emergency }
  - name: empty
    rules:
`

async function read(content: string, taken: string[] = [], may_be_missing: string[] = []) {
  const file = { file: "etcd/alerts.yaml", role: "notice", may_be_missing, content } as const
  const { invariants, notes } = await readRules([file], "compose/etcd.yaml", taken)
  return { invariants: invariants.flat(), notes }
}

/** The problem of a rule file with one rule, without its place. */
async function refusal(rule: string): Promise<string> {
  const error = await read(`groups:\n  - name: x\n    rules:\n      - ${rule}\n`).catch((thrown: unknown) => thrown)
  return error instanceof Error ? error.message : "none"
}

describe("a vendor's rule file", () => {
  test("makes an invariant of each alert, with its own durations, severities and words", async () => {
    const { invariants } = await read(ALERTS)
    expect(invariants).toEqual([
      {
        ...{ name: "ErrorsHigh", about: "{{ $labels.job }} fails", role: "notice", severity: "critical" },
        ...{ alert: "job:errors:rate5m > 5", for: 5_400_000, every: 5_000, timeout: 5_000 },
      },
      {
        ...{ name: "ErrorsHigh_warning", role: "notice", severity: "warning" },
        ...{ alert: "job:errors:rate5m > 1", for: 60_000, every: 5_000, timeout: 5_000 },
      },
      {
        ...{ name: "ErrorsHigh_2", role: "notice", severity: "warning" },
        ...{ alert: "job:errors:rate5m > 0.5\n", for: 0, every: 5_000, timeout: 5_000 },
      },
      { name: "Down", role: "notice", severity: "critical", alert: "up == 0", for: 0, every: 5_000, timeout: 5_000 },
    ])
  })

  test("says what is left out: recording rules, and alerts that name no metric", async () => {
    expect((await read(ALERTS)).notes).toEqual([
      "compose/etcd/alerts.yaml: left out: 1 recording rules, which Prometheus itself has to evaluate; Watchdog, which names no metric",
    ])
    expect((await read("groups: []")).notes).toEqual([])
  })

  test("takes no name away from the subject's own invariants", async () => {
    const { invariants } = await read(ALERTS, ["Down"])
    expect(invariants.map(({ name }) => name)).toContain("Down_critical")
  })

  test("may name metrics that are there only after something has happened", async () => {
    const { invariants } = await read(
      ALERTS.replace("expr: up == 0", "expr: up == 0 or failures_total > 0"),
      [],
      ["failures_total"],
    )
    expect(invariants.map(({ name, may_be_missing }) => [name, may_be_missing])).toEqual([
      ["ErrorsHigh", undefined],
      ["ErrorsHigh_warning", undefined],
      ["ErrorsHigh_2", undefined],
      ["Down", ["failures_total"]],
    ])
  })

  test("that is broken is refused with file, line and column", async () => {
    expect(await refusal("alert: A\n        expr: up == 0\n        fro: 1m")).toBe(
      'compose/etcd/alerts.yaml:6:9: groups[0].rules[0].fro: unknown key (did you mean "for"?)',
    )
    expect(await refusal("alert: A")).toContain("compose/etcd/alerts.yaml:4:9: groups[0].rules[0].expr: missing")
    expect(await refusal("{alert: A, expr: up, for: 5 minutes}")).toBe(
      "compose/etcd/alerts.yaml:4:35: groups[0].rules[0].for: a duration of Prometheus such as 30s, 5m or 1h30m",
    )
    expect(await refusal("{alert: A, expr: 'sum(up'}")).toBe(
      'compose/etcd/alerts.yaml:4:26: groups[0].rules[0].expr: no PromQL: ")" is missing',
    )
    expect(await refusal("[unclosed")).toContain("compose/etcd/alerts.yaml:5:1: ")
  })

  test("may call its severities as it likes", () => {
    expect(["page", "Critical", "emergency", "P1"].map((severity) => severityOf({ severity }))).toEqual(
      Array(4).fill("critical"),
    )
    expect(severityOf({ severity: "none" })).toBe("info")
    expect(severityOf({ severity: "whatever" })).toBe("warning")
    expect(severityOf({})).toBe("warning")
  })
})

describe("a subject with rules", () => {
  const SUBJECT = `services: { a: {} }
x-operator: # before
  prometheus: http://a:9090
  rules:
  - more/alerts.yaml
  - { file: more/gates.yaml, role: gate } # why
  faults:
    node_kill: { noticed_by: [Down, Slow] }
`

  async function inFolder(text: string, work: (file: string) => Promise<void>): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), "rules-"))
    try {
      mkdirSync(join(dir, "more"))
      writeFileSync(join(dir, "more", "alerts.yaml"), ALERTS.replace(/ {6}- record[^]*?(?= {6}- alert: E)/, ""))
      writeFileSync(
        join(dir, "more", "gates.yaml"),
        "groups: [{name: g, rules: [{alert: Slow, expr: 'a{b=\"\\u2028\"} > 1'}]}]\n",
      )
      writeFileSync(join(dir, "mine.yaml"), text)
      await work(join(dir, "mine.yaml"))
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }

  const summary = ({ invariants }: Subject) => invariants.map(({ name, role }) => `${name} ${role}`)

  test("has their alerts as invariants, notices unless it says otherwise", async () => {
    await inFolder(SUBJECT, async (file) => {
      expect(summary(await findSubject(file))).toEqual([
        "ErrorsHigh notice",
        "ErrorsHigh_warning notice",
        "ErrorsHigh_2 notice",
        "Down notice",
        "Slow gate",
      ])
    })
  })

  test("is stored with them, so that it needs the files no more", async () => {
    for (const text of [
      SUBJECT,
      SUBJECT.replace("  - more/alerts.yaml\n  - { file", "    - more/alerts.yaml\n    - { file"),
      SUBJECT.replace(/rules:[^]*# why/, "rules: [more/alerts.yaml, { file: more/gates.yaml, role: gate }] # why"),
    ]) {
      let found: Subject | undefined
      await inFolder(text, async (file) => {
        found = await findSubject(file)
      })
      const again = await parseSubject(found!.text, found!.file)
      expect(again.invariants).toEqual(found!.invariants)
      expect(again.faults).toEqual(found!.faults)
      expect(again.rules.map(({ file, role }) => [file, role])).toEqual([
        ["more/alerts.yaml", "notice"],
        ["more/gates.yaml", "gate"],
      ])
      expect(found!.text).toStartWith("services: { a: {} }\nx-operator: # before\n  prometheus: http://a:9090\n")
    }
  })

  test("is refused without its files, and without a Prometheus to ask", async () => {
    await inFolder(SUBJECT.replace("more/alerts", "more/none"), async (file) => {
      await expect(findSubject(file)).rejects.toThrow(/the rule file .*more\/none\.yaml: there is no such file/)
    })
    await inFolder(SUBJECT.replace("  prometheus: http://a:9090\n", ""), async (file) => {
      await expect(findSubject(file)).rejects.toThrow("mine.yaml:4:4: x-operator.rules: alerts need `prometheus:`")
    })
  })

  test("has what stands below the list of its rule files where it was", async () => {
    for (const list of ["\n    - more/alerts.yaml\n    - more/gates.yaml", " [\n      more/alerts.yaml,\n    ]"]) {
      const text = `services: { a: {} }\nx-operator:\n  prometheus: http://a:9090\n  rules:${list}\n  redy: {}\n`
      await inFolder(text, async (file) => {
        await expect(findSubject(file)).rejects.toThrow("mine.yaml:7:3: x-operator.redy: unknown key")
      })
    }
  })

  test("is refused when a fault is noticed by a rule that there is not", async () => {
    await inFolder(SUBJECT.replace("[Down, Slow]", "[Down, ErorsHigh]"), async (file) => {
      const error = await findSubject(file).catch((thrown: Error) => thrown)
      expect((error as Error).message).toContain('there is no invariant "ErorsHigh" (did you mean "ErrorsHigh"?)')
    })
  })
})

describe("a metric that may be missing", () => {
  const problem = async (block: string) => {
    const text = `services: {a: {}}\nx-operator:\n  prometheus: http://a:9090\n  ${block}\n`
    const error = await parseSubject(text, "mine.yaml").catch((thrown: unknown) => thrown)
    return error instanceof Error ? error.message : "none"
  }
  const rules = (names: string) =>
    `rules: [{ file: a.yaml, may_be_missing: [${names}], content: "groups: [{name: g, rules: [{alert: A, expr: 'up == 0 or lost > 0'}]}]" }]`
  const invariant = (names: string) =>
    `invariants: [{ name: x, alert: "up == 0 or lost > 0", may_be_missing: [${names}] }]`

  test("is one that an alert names, beside another that has to be there", async () => {
    for (const [block, path] of [
      [rules, "rules[0]"],
      [invariant, "invariants[0]"],
    ] as const) {
      expect(await problem(block("lost"))).toBe("none")
      expect(await problem(block("lots"))).toContain(
        `x-operator.${path}.may_be_missing[0]: no alert here names the metric "lots" (did you mean "lost"?)`,
      )
      expect(await problem(block("up, lost"))).toContain(
        "names no other metric, so that nobody could tell an empty answer from none",
      )
    }
    expect(await problem("invariants: [{ name: x, probe: {tcp: 'a:1'}, may_be_missing: [up] }]")).toContain(
      'no alert here names the metric "up"',
    )
  })
})

describe("an alert in a subject", () => {
  const problem = async (invariant: string, prometheus = "prometheus: http://a:9090") => {
    const text = `services: {a: {}}\nx-operator:\n  ${prometheus}\n  invariants:\n    - ${invariant}\n`
    const error = await parseSubject(text, "mine.yaml").catch((thrown: unknown) => thrown)
    return error instanceof Error ? error.message : "none"
  }

  test("needs a Prometheus, a metric, and nothing that belongs to probes", async () => {
    expect(await problem("{name: x, alert: up == 0}")).toBe("none")
    expect(await problem("{name: x}")).toBe("mine.yaml:5:7: x-operator.invariants[0]: needs probe or alert")
    expect(await problem("{name: x, alert: up == 0}", "about: y")).toContain("mine.yaml:5:24: x-operator.inv")
    expect(await problem("{name: x, alert: vector(1)}")).toContain("names no metric")
    expect(await problem("{name: x, alert: sum(up}")).toContain('no PromQL: ")" is missing')
    expect(await problem("{name: x, alert: up, each: a}")).toContain("mine.yaml:5:34: x-operator.invariants[0].each")
    expect(await problem("{name: x, alert: up, holds: 'true'}")).toContain("invariants[0].holds")
    expect(await problem('{name: x, alert: up, probe: {tcp: "a:1"}}')).toContain("not both")
    expect(await problem("{name: x, alert: up == 0}", "prometheus: nowhere")).toContain(
      "mine.yaml:3:15: x-operator.prometheus: an address such as http://prometheus:9090",
    )
  })
})
