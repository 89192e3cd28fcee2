import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { openStore } from "../src/store/open.ts"
import { type Home, makeHome } from "./support/operator.ts"
import { campaign, refusal } from "./support/refusal.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let home: Home
beforeAll(() => {
  home = makeHome()
  openStore(home.db).close()
})
afterAll(() => home.remove())

const refused = (words: readonly string[]) => refusal(home, words)

/** Writes a file below the working directory of the commands. */
function file(path: string, text: string): void {
  mkdirSync(dirname(join(home.dir, path)), { recursive: true })
  writeFileSync(join(home.dir, path), text)
}

describe("a subject's file is refused with its place:", () => {
  const head = "name: mine\nservices: {a: {}, b: {}}\nx-operator:\n"
  test.each<[string, string, string]>([
    ["bad YAML", "name: [", "compose/mine.yaml:1:8: "],
    ["no services", "name: mine\n", "compose/mine.yaml:1:1: services: missing"],
    [
      "an unknown key",
      `${head}  invariant: []\n`,
      'compose/mine.yaml:4:3: x-operator.invariant: unknown key (did you mean "invariants"?)',
    ],
    [
      "an unknown key further down",
      `${head}  invariants:\n    - name: x\n      probe: {tcp: "a:1"}\n      hold: status = 200\n`,
      'compose/mine.yaml:7:7: x-operator.invariants[0].hold: unknown key (did you mean "holds"?)',
    ],
    [
      "a group without services",
      `${head}  groups: {all: []}\n`,
      "compose/mine.yaml:4:17: x-operator.groups.all: a group needs at least one service",
    ],
    [
      "a group with a service that there is not",
      `${head}  groups:\n    all: [a, bb]\n`,
      'compose/mine.yaml:5:14: x-operator.groups.all[1]: there is no service "bb" (did you mean "b"?)',
    ],
    [
      "an expression that is none",
      `${head}  invariants:\n    - {name: x, probe: {tcp: "a:1"}, holds: "status = ("}\n`,
      'compose/mine.yaml:5:45: x-operator.invariants[0].holds: "status = (" is no JSONata expression: ',
    ],
    [
      "processes without the internet",
      `${head}  processes: {a: {command: sleep 1}}\n  egress: false\n`,
      "compose/mine.yaml:5:11: x-operator.egress: processes share this machine's network",
    ],
    [
      "a duration without a unit",
      `${head}  ready: {timeout: 30}\n`,
      "compose/mine.yaml:4:20: x-operator.ready.timeout: expected string, received number",
    ],
  ])("%s", async (_, text, message) => {
    file("compose/mine.yaml", text)
    expect(await refused(["up", "mine"])).toStartWith(message)
    expect(await refused(campaign("--subject", "./compose/mine.yaml"))).toContain(message)
  })

  test("no processes, where it is to run as some", async () => {
    file("compose/mine.yaml", head.replace("x-operator:\n", ""))
    const message = "compose/mine.yaml: mine has no `processes:`, so it cannot run without Docker"
    const process = ["--platform", "process"]
    expect(await refused(["up", "mine", ...process])).toStartWith(message)
    expect(await refused([...campaign("--subject", "./compose/mine.yaml"), ...process])).toContain(message)
  })
})

describe("a variant's file is refused with its place:", () => {
  test.each<[string, string, string]>([
    [
      "an unknown key",
      "name: v\nabout: x\nmodel: nobody\nlimit: {}\n",
      'variants/v.yaml:4:1: limit: unknown key (did you mean "limits"?)',
    ],
    [
      "an unknown model",
      "name: v\nabout: x\nmodel: orcle\n",
      'variants/v.yaml:3:8: model: there is no model "orcle" (did you mean "oracle"?)',
    ],
    [
      "an unknown key in a step",
      "name: v\nabout: x\nmodel: runbook\nrunbook:\n  - {reason: a, command: b}\n",
      "variants/v.yaml:5:6: runbook[0].reason: unknown key",
    ],
    [
      "a limit that is none",
      "name: v\nabout: x\nmodel: nobody\nlimits: {steps: -1}\n",
      "variants/v.yaml:4:17: limits.steps: ",
    ],
    ["nothing", "", "variants/v.yaml:1:1: the file is empty"],
  ])("%s", async (_, text, message) => {
    file("variants/v.yaml", text)
    expect(await refused(campaign("--variant", "v"))).toContain(message)
  })
})
