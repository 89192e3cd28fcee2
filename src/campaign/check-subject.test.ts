import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { dockerTest } from "../../test/support/docker.ts"
import { discover, readByPath, readFound } from "../lib/discovery.ts"
import { showProblem } from "../lib/file-error.ts"
import { checkSubject } from "./check-subject.ts"

/** Each check starts a `docker compose config`, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let dir: string
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "check-")))
  mkdirSync(join(dir, "inside"))
  writeFileSync(join(dir, "inside", "file"), "x")
  symlinkSync("/etc", join(dir, "inside-out"))
})
afterAll(() => rmSync(dir, { recursive: true }))

function file(name: string, text: string): string {
  mkdirSync(dirname(join(dir, name)), { recursive: true })
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}

/** What is wrong with a file, each `line:column: text`; of another file than this one with its name before. */
async function problems(text: string): Promise<string[]> {
  const found = readByPath(file("mine.yaml", text), "compose", "subject")
  const checked = await checkSubject(found)
  expect(checked.subject === undefined).toBe(checked.problems.length > 0)
  return checked.problems.map((one) =>
    showProblem({ ...one, file: one.file.replace(`${dir}/`, "") }).replace("mine.yaml:", ""),
  )
}

const HEAD = "services: { web-1: &w { image: x }, web-2: *w, db: *w }\nx-operator:\n  groups: { web: [web-1, web-2] }\n"

describe("a subject's file is checked for", () => {
  test.each<[what: string, block: string, problem: string]>([
    ["an unknown key", "  invariant: []\n", '4:3: x-operator.invariant: unknown key (did you mean "invariants"?)'],
    [
      "a group that there is not",
      "  invariants: [{ name: a, each: wbe, probe: { tcp: 'db:1' } }]\n",
      '4:33: x-operator.invariants[0].each: there is no group or service "wbe" (did you mean "web"?)',
    ],
    [
      "what notices a fault and is not there",
      "  faults: { node_kill: { noticed_by: [node_runing] } }\n",
      '4:39: x-operator.faults.node_kill.noticed_by[0]: there is no invariant "node_runing" (did you mean "node_running"?)',
    ],
    [
      "a gate slo without a workload",
      "  faults: { node_kill: { noticed_by: [slo] } }\n",
      "4:39: x-operator.faults.node_kill.noticed_by[0]: without a `workload` there is no gate slo",
    ],
    [
      "a fault that there is not",
      "  faults: { node_kil: {} }\n",
      '4:23: x-operator.faults.node_kil: there is no fault "node_kil" (did you mean "node_kill"?); one of the subject\'s own needs `declared`',
    ],
    [
      "a parameter that a fault has not",
      "  faults: { node_kill: { params: { much: 1 } } }\n",
      '4:42: x-operator.faults.node_kill.params.much: node_kill has no parameter "much"',
    ],
    [
      "a state that may change and is not there",
      "  state: [{ name: users, probe: { tcp: 'db:1' } }]\n  faults: { node_kill: { may_change: [user] } }\n",
      '5:39: x-operator.faults.node_kill.may_change[0]: there is no state "user" (did you mean "users"?)',
    ],
    [
      "an expression that is none",
      "  state: [{ name: a, probe: { tcp: 'db:1' }, pick: 'a[' }]\n",
      '4:52: x-operator.state[0].pick: "a[" is no JSONata expression: ',
    ],
    [
      "PromQL with a bracket too few",
      "  prometheus: http://db:9090\n  invariants: [{ name: a, alert: 'rate(a[1m]' }]\n",
      '5:34: x-operator.invariants[0].alert: no PromQL: ")" is missing',
    ],
    [
      "an alert without a Prometheus",
      "  invariants: [{ name: a, alert: a > 1 }]\n",
      "4:34: x-operator.invariants[0].alert: alerts need `prometheus:`",
    ],
    [
      "a placeholder that names nothing",
      "  brief: 'see {url:wep}'\n",
      '4:10: x-operator.brief: there is no group or service "wep" (did you mean "web"?)',
    ],
    [
      "a service of which an address speaks",
      "  invariants: [{ name: a, probe: { http: 'http://bd:80/' } }]\n",
      '4:36: x-operator.invariants[0].probe.http.url: there is no service "bd" (did you mean "db"?)',
    ],
    [
      "an address that is none",
      "  invariants: [{ name: a, probe: { tcp: db } }]\n",
      '4:41: x-operator.invariants[0].probe.tcp: "db" is no address such as host:port',
    ],
    [
      "a node where nobody says of which group",
      "  invariants: [{ name: a, probe: { http: 'http://{service}:80/' } }]\n",
      "4:36: x-operator.invariants[0].probe.http.url: {service} and {node} are filled in where there is an `each`",
    ],
    [
      "a name that is taken",
      "  invariants: [{ name: node_running, probe: { tcp: 'db:1' } }]\n",
      '4:24: x-operator.invariants[0].name: the name "node_running" is taken by a built-in gate',
    ],
    [
      "a rule file that is not there",
      "  prometheus: http://db:9090\n  rules: [none.yaml]\n",
      "5:11: x-operator.rules[0]: the rule file ",
    ],
  ])("%s", async (_, block, problem) => {
    const found = await problems(HEAD + block)
    expect(found).toEqual([expect.stringContaining(problem)])
  })

  test("everything at once, in the order of the file, those of its rule files at the end", async () => {
    file("rules.yaml", "groups:\n  - name: g\n    rules: [{ alert: A, expr: 'a[' }, { alert: B, exp: b }]\n")
    file("other.yaml", "groups: 5\n")
    const found = await problems(`services: { a: { image: x } }
x-operator:
  redy: {}
  groups: { all: [b] }
  prometheus: http://a:9090
  rules:
    - rules.yaml
    - other.yaml
  invariants:
    - { name: one, hold: x, probe: { tcp: "a:1" } }
    - { name: two, each: bll, probe: { tcp: "a:1" } }
    - { name: three, probe: { tcp: "a:1" }, holds: "(" }
  faults:
    node_kill: { group: al, noticed_by: [one, A] }
  state: [{ name: s, probe: {} }]
`)
    expect(found.map((line) => line.replace(/ .*/, ""))).toEqual([
      "3:3:",
      "4:19:",
      "10:20:",
      "11:26:",
      "12:52:",
      "14:25:",
      "15:29:",
      "other.yaml:1:9:",
      "rules.yaml:3:31:",
      "rules.yaml:3:39:",
      "rules.yaml:3:51:",
    ])
  })

  test("YAML that is none, and nothing after that", async () => {
    expect(await problems("services: [\nx-operator: {")).toEqual([
      expect.stringMatching(/^\d:\d+: /),
      expect.anything(),
    ])
    expect(await problems("just text")).toContain("1:1: expected object, received string")
    expect(await problems("")).toContain("1:1: the file is empty")
    expect(await problems(`a: 1${"\n".repeat(2_000_000)}`)).toEqual(["1:1: longer than 1048576 characters"])
  })

  dockerTest.each<[what: string, text: string, problem: string]>([
    [
      "a key that Compose does not know",
      "services:\n  a:\n    imagee: x\n",
      "3:5: services.a.imagee: docker compose does not take it",
    ],
    [
      "a network that there is not",
      "services:\n  a: { image: x, networks: [out] }\n",
      "2:3: services.a: docker compose does not take it",
    ],
    [
      "a variable that is not set",
      "services:\n  a: { image: '${NEVER_SET:?it}' }\n",
      "2:15: services.a.image: docker compose does not take it",
    ],
    [
      "a privileged service",
      "services:\n  a: { image: x, privileged: true }\n",
      "2:30: services.a.privileged: a privileged service",
    ],
    [
      "the engine's socket",
      "services:\n  a: { image: x, volumes: ['/var/run/docker.sock:/s'] }\n",
      "2:28: services.a.volumes[0]: /var/run/docker.sock is not below",
    ],
    [
      "a mount that is not there",
      "services:\n  a: { image: x, volumes: ['./none:/s'] }\n",
      "2:28: services.a.volumes[0]: ",
    ],
    [
      "a link that leads out",
      "services:\n  a: { image: x, volumes: ['./inside-out:/s'] }\n",
      "2:28: services.a.volumes[0]: ",
    ],
    ["a build without its folder", "services:\n  a: { build: ./none }\n", "2:8: services.a.build.context: "],
    ["a build without its Dockerfile", "services:\n  a: { build: ./inside }\n", "2:8: services.a.build.dockerfile: "],
    [
      "a configuration that is not there",
      "services:\n  a: { image: x, configs: [c] }\nconfigs: { c: { file: ./none } }\n",
      "3:23: configs.c.file: ",
    ],
    [
      "a service of a profile, of which a group speaks",
      "services: { a: { image: x }, b: { image: x, profiles: [p] } }\nx-operator: { groups: { g: [a, b] } }\n",
      "2:32: x-operator.groups.g[1]: a lab does not start this service",
    ],
  ])("%s", async (_, text, problem) => {
    expect(await problems(text)).toEqual([expect.stringContaining(problem)])
  })

  dockerTest("nothing more than what is wrong: what is there may be mounted, also through a link", async () => {
    symlinkSync("inside", join(dir, "inside-in"))
    expect(
      await problems("services:\n  a: { image: x, volumes: ['./inside:/a', './inside-in:/b', '/anonymous'] }\n"),
    ).toEqual([])
  })
})

test("every subject that is built in passes", async () => {
  const all = discover("compose", dir)
  expect(all.length).toBeGreaterThan(2)
  for (const found of all) {
    const { problems } = await checkSubject(readFound(found, "compose", "subject"))
    expect(problems.map(showProblem)).toEqual([])
  }
})
