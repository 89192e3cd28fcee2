import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { UsageError } from "./errors.ts"
import { parseYaml } from "./yaml.ts"

const probe = z.union([
  z.strictObject({ http: z.union([z.string(), z.strictObject({ url: z.string() })]) }),
  z.strictObject({ tcp: z.string() }),
])

const subject = z.strictObject({
  name: z.string(),
  invariants: z
    .array(z.strictObject({ name: z.string(), severity: z.enum(["critical", "minor"]).default("minor"), probe }))
    .default([]),
  groups: z.record(z.string().regex(/^[a-z]+$/), z.array(z.string())).optional(),
})

/** The lines of the error with which a text is refused. */
async function problems(text: string, schema: z.ZodType = subject): Promise<string[]> {
  const ended: unknown = await parseYaml(text, "s.yaml", schema).catch((error: unknown) => error)
  if (ended instanceof UsageError) return ended.message.split("\n")
  throw new Error("was not refused", { cause: ended })
}

describe("a good file", () => {
  test("is what the schema makes of it, with defaults", async () => {
    const value = await parseYaml("name: a\ninvariants:\n  - {name: x, probe: {tcp: a:1}}\n", "s.yaml", subject)
    expect(value).toEqual({ name: "a", invariants: [{ name: "x", severity: "minor", probe: { tcp: "a:1" } }] })
  })

  test("may share blocks by anchors and merges, as Compose files do", async () => {
    const text = "x: &x {image: a, cap: 1}\nservices:\n  one: {<<: *x, cap: 2}\n  two:\n    <<: [*x, {tty: true}]\n"
    expect(await parseYaml(text, "s.yaml", z.looseObject({ services: z.unknown() }))).toMatchObject({
      services: { one: { image: "a", cap: 2 }, two: { image: "a", cap: 1, tty: true } },
    })
  })

  test("may use an anchor as often as a Compose file does", async () => {
    const aliases = Array.from({ length: 300 }, (_, i) => `s${i}: *x`).join("\n")
    expect(await parseYaml(`x: &x {image: a}\n${aliases}\n`, "s.yaml", z.record(z.string(), z.unknown()))).toContainKey(
      "s299",
    )
  })
})

describe("bad YAML is refused at its line and column:", () => {
  test.each([
    ["a duplicate key", "name: a\nname: b\n", "s.yaml:2:1: this key is given twice"],
    ["a tab as indentation", "name:\n\tb: 1\n", "s.yaml:2:1: Tabs are not allowed as indentation"],
    ["a second document", "name: a\n---\nname: b\n", "s.yaml:2:1: a second document begins here"],
    ["an unknown tag", "name: !secret a\n", "s.yaml:1:7: Unresolved tag: !secret"],
    ["a key that is a map", "name: a\n? {b: 1}\n: c\n", "s.yaml:2:3: a key must be plain text"],
    ["an alias without an anchor", "name: a\nb: *c\n", "s.yaml:2:4: *c has no anchor before it"],
    ["an alias of itself", "name: &a [*a]\n", "s.yaml:1:11: *a contains itself"],
    ["a merge of something else than a map", "name: a\n<<: 5\n", "s.yaml:2:1: << merges maps, and nothing else"],
  ])("%s", async (_, text, line) => {
    expect(await problems(text)).toEqual([line])
  })

  test("nesting without end", async () => {
    expect(await problems("[".repeat(50_000))).toContainEqual(expect.stringContaining("nested too deeply"))
  })

  test("aliases that multiply", async () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      )
    expect((await problems(lines.join("\n")))[0]).toMatch(/^s\.yaml:1:1: Excessive alias count/)
  })

  test("more aliases than anybody writes", async () => {
    const text = `a: &a 1\nb: [${"*a, ".repeat(20_000)}]\n`
    expect((await problems(text))[0]).toMatch(/^s\.yaml:2:\d+: more than 1000 aliases$/)
  })

  test("a file of many megabytes", async () => {
    expect((await problems(`name: ${"a".repeat(2_000_000)}`))[0]).toMatch(/^s\.yaml:1:1: longer than/)
  })
})

describe("content that does not fit is refused at its line and column:", () => {
  const inInvariant = (line: string) => `name: a\ninvariants:\n  - name: x\n    ${line}\n`
  const withProbe = (line: string) => inInvariant(`probe: ${line}`)
  test.each([
    ["an empty file", "", ["s.yaml:1:1: the file is empty"]],
    ["a file that holds nothing", "# later\nnull\n", ["s.yaml:1:1: the file is empty"]],
    [
      "an unknown key, with the nearest",
      "name: a\ngroup: {}\n",
      ['s.yaml:2:1: group: unknown key (did you mean "groups"?)'],
    ],
    [
      "an unknown key far down",
      `${withProbe("{tcp: a}")}    severty: minor\n`,
      ['s.yaml:5:5: invariants[0].severty: unknown key (did you mean "severity"?)'],
    ],
    ["a missing key, at what lacks it", "invariants: []\n", ["s.yaml:1:1: name: missing, expected string"]],
    [
      "a missing key of an item",
      "name: a\ninvariants:\n  - probe: {tcp: a}\n",
      ["s.yaml:3:5: invariants[0].name: missing, expected string"],
    ],
    ["the wrong kind", "name: [a]\n", ["s.yaml:1:7: name: expected string, received array"]],
    [
      "a word that is none of those allowed",
      `${withProbe("{tcp: a}")}    severity: critcal\n`,
      ['s.yaml:5:15: invariants[0].severity: expected critical or minor, not "critcal" (did you mean "critical"?)'],
    ],
    [
      "a key that a record does not allow",
      "name: a\ngroups: {PD: []}\n",
      ["s.yaml:2:10: groups.PD: Invalid string: must match pattern /^[a-z]+$/"],
    ],
    [
      "an unknown key where one of several is wanted",
      withProbe("{htp: a}"),
      ['s.yaml:4:13: invariants[0].probe.htp: unknown key (did you mean "http"?)'],
    ],
    [
      "none of the keys of which one is wanted",
      withProbe("{}"),
      ["s.yaml:4:12: invariants[0].probe: needs http or tcp"],
    ],
    ["a union's missing value", "name: a\ninvariants:\n  - name: x\n", ["s.yaml:3:5: invariants[0].probe: missing"]],
    [
      "a mistake in the branch that was meant",
      withProbe("{http: {url: [a]}}"),
      ["s.yaml:4:25: invariants[0].probe.http.url: expected string, received array"],
    ],
    [
      "neither of two kinds",
      withProbe("{http: 5}"),
      ["s.yaml:4:19: invariants[0].probe.http: expected string or object, received number"],
    ],
  ])("%s", async (_, text, lines) => {
    expect(await problems(text)).toEqual(lines)
  })

  test("what a check of the caller's own finds", async () => {
    const checked = subject.superRefine((_, context) => {
      context.addIssue({ code: "custom", path: ["groups", "pd"], message: "names no service" })
    })
    expect(await problems("name: a\ngroups: {pd: [x]}\n", checked)).toEqual([
      "s.yaml:2:14: groups.pd: names no service",
    ])
  })

  test("a mistake in a merged block, where the block stands", async () => {
    const schema = z.looseObject({ b: z.object({ n: z.number() }) })
    expect(await problems("a: &a {n: x}\nb: {<<: *a}\n", schema)).toEqual([
      "s.yaml:1:11: b.n: expected number, received string",
    ])
  })

  test("a discriminator's unknown value", async () => {
    const schema = z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("claude") }),
      z.strictObject({ kind: z.literal("runbook") }),
    ])
    expect(await problems("kind: runbok\n", schema)).toEqual([
      's.yaml:1:7: kind: expected claude or runbook, not "runbok" (did you mean "runbook"?)',
    ])
  })

  test("several problems at once, in the order of the file, no more than ten", async () => {
    const text = Array.from({ length: 30 }, (_, i) => `k${i}: 1`).join("\n")
    const lines = await problems(`${text}\nname: 5\n`)
    expect(lines).toHaveLength(11)
    expect(lines[0]).toBe("s.yaml:1:1: k0: unknown key")
    expect(lines[9]).toBe("s.yaml:10:1: k9: unknown key")
    expect(lines[10]).toBe("and 21 more")
  })
})

test("control characters in a bad file do not reach the error", async () => {
  expect((await problems('name: a\n"\\e[31mx": 1\n')).join("\n")).not.toContain("\x1b")
})
