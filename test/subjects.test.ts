import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"
import { inTerminal } from "./support/terminal.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let home: Home
beforeAll(() => {
  home = makeHome()
  file("compose/etcd.yaml", "services: { mine: { image: x } }\nx-operator: { about: My own }\n")
  file("compose/two.yaml", "services: { a: { image: x } }\nx-operator: { about: The first }\n")
  file("compose/two.yml", "services: { a: { image: x } }\nx-operator: { about: The second }\n")
  file("compose/broken.yaml", "services: { a: { image: x } }\nx-operator:\n  group: {}\n  redy: {}\n")
  file("compose/no.yaml", "services: [\n")
  file(`compose/${HOSTILE}.yaml`, `services: { a: { image: x } }\nx-operator: { about: "evil \\e[31m" }\n`)
  file("variants/mine.yaml", "name: mine\nabout: Mine\nmodel: nobody\n")
  file("variants/bad.yaml", "name: bad\nabout: x\nmodel: orcle\n")
  file("campaigns/mine.yaml", "about: Mine\nsubjects: [ratelimiter]\nfaults: [none]\nvariants: [mine]\ntrials: 2\n")
  file("campaigns/bad.yaml", "subjects: []\n")
})
afterAll(() => home.remove())

const HOSTILE = "-- \x1b[31mre;d $(x) ‮'\""

function file(path: string, text: string): string {
  mkdirSync(dirname(join(home.dir, path)), { recursive: true })
  writeFileSync(join(home.dir, path), text)
  return join(home.dir, path)
}

async function listed(what: string): Promise<Record<string, unknown>[]> {
  const { stdout, exit_code } = await home.run(what, "list", "--json")
  expect(exit_code).toBe(0)
  return JSON.parse(stdout) as Record<string, unknown>[]
}

describe("subjects list", () => {
  test("has those of the working directory before the built-in ones, and a broken file as a line", async () => {
    const all = await listed("subjects")
    expect(all.map(({ name }) => name).sort()).toEqual(
      [HOSTILE, "broken", "etcd", "no", "ratelimiter", "tikv", "two"].sort(),
    )
    const byName = (name: string) => all.find((one) => one.name === name)
    expect(byName("etcd")).toMatchObject({ file: "compose/etcd.yaml", shadows: ["built in"], about: "My own" })
    expect(byName("two")).toMatchObject({ file: "compose/two.yaml", shadows: ["compose/two.yml"], about: "The first" })
    expect(byName("ratelimiter")).toMatchObject({ file: null, built_in: true, platforms: ["process", "docker"] })
    expect(byName("broken")).toMatchObject({
      problem: expect.stringContaining(
        'compose/broken.yaml:3:3: x-operator.group: unknown key (did you mean "groups"?)',
      ),
    })
  })

  test("is a table without control characters, for people", async () => {
    const shown = await inTerminal([...OPERATOR, "subjects", "list"], home.env, { cols: 200, rows: 30, cwd: home.dir })
    const plain = Bun.stripANSI(shown)
    expect(plain).toMatch(/^etcd +docker +compose\/etcd\.yaml, before the built-in one +My own$/m)
    expect(plain).toMatch(/^broken +compose\/broken\.yaml +broken: compose\/broken\.yaml:3:3: /m)
    expect(plain).toContain("-- \\x1b[31mre;d $(x) \\u202e'\"")
    expect(plain).toContain("evil \\x1b[31m")
    // Of the colours that it has itself none is the file's.
    expect(shown).not.toContain("evil \x1b")
  })
})

describe("subjects show", () => {
  test("tells what must hold, how it is loaded, broken and repaired", async () => {
    const { stdout, exit_code } = await home.run("subjects", "show", "rate")
    expect(exit_code).toBe(0)
    for (const line of [
      /^ratelimiter {2}compose\/ratelimiter\.yaml \(built in\)$/m,
      /^runs on +process, or docker$/m,
      /^group +limiter: limiter-a limiter-b limiter-c$/m,
      /^slo +\d+ % succeed, p99 within \d/m,
      /^store_unreachable +gate +critical +2\.0 s +limiter +subject +http:/m,
      /^node_kill +limiter +node_running, node_health, slo +.*docker: docker start \{node\}/m,
      /^limits +http:/m,
    ])
      expect(stdout).toMatch(line)
    const json = JSON.parse((await home.run("subjects", "show", "tikv", "--json")).stdout) as Record<string, unknown[]>
    expect(json.rules).toEqual([{ file: "tikv/alerts.yaml", role: "notice" }])
    expect(json.invariants).toContainEqual(
      expect.objectContaining({ name: "PD_down_peer_region_nums", from: "rules", role: "notice", for_ms: 10_000 }),
    )
    expect(json.invariants).toContainEqual(expect.objectContaining({ name: "stores", from: "subject", role: "gate" }))
  })

  test("prints a file's own text, and says what is wrong with one that is broken", async () => {
    const { stdout } = await home.run("subjects", "show", "./compose/broken.yaml", "--source")
    expect(stdout).toBe(readFileSync(join(home.dir, "compose/broken.yaml"), "utf8"))
    const broken = await home.run("subjects", "show", "broken")
    expect(broken).toMatchObject({ exit_code: 2, stdout: "" })
    expect(broken.stderr).toContain("compose/broken.yaml:4:3: x-operator.redy: unknown key")
  })

  test("takes a name by its beginning, where that is nobody else's", async () => {
    file("compose/etc.yaml", "services: { a: { image: x } }\n")
    expect((await home.run("subjects", "show", "etc", "--json")).stdout).toContain('"name": "etc"')
    expect(await home.run("subjects", "show", "et")).toMatchObject({
      exit_code: 2,
      stderr: expect.stringContaining('"et" may be any of 2 subjects: etc, etcd'),
    })
    expect(await home.run("subjects", "show", "tivk")).toMatchObject({
      exit_code: 2,
      stderr: expect.stringContaining('no subject "tivk" (did you mean "tikv"?)'),
    })
  })
})

describe("subjects check", () => {
  test("prints each problem at its place, and ends with 2", async () => {
    const { stdout, stderr, exit_code } = await home.run("subjects", "check", "broken")
    expect(exit_code).toBe(2)
    expect(stdout.trim().split("\n")).toEqual([
      'compose/broken.yaml:3:3: x-operator.group: unknown key (did you mean "groups"?)',
      'compose/broken.yaml:4:3: x-operator.redy: unknown key (did you mean "ready"?)',
    ])
    expect(stderr).toContain("operator: compose/broken.yaml has 2 problems")
    const json = await home.run("subjects", "check", "broken", "--json")
    expect(json.exit_code).toBe(2)
    expect(JSON.parse(json.stdout)).toMatchObject({
      problems: [
        { file: "compose/broken.yaml", line: 3, column: 3 },
        { line: 4, column: 3 },
      ],
      live: null,
    })
    // What is broken is not run, whatever was asked for.
    expect((await home.run("subjects", "check", "broken", "--live")).exit_code).toBe(2)
    expect(existsSync(home.db)).toBe(false)
  })

  test("of a good file ends with 0, however it is called", async () => {
    for (const word of ["two", "ratel", `./compose/${HOSTILE}.yaml`]) {
      expect(await home.run("subjects", "check", word)).toMatchObject({ stdout: "", exit_code: 0 })
    }
  })
})

test("subjects check says what it could not look at where there is no docker command", async () => {
  const env = { ...home.env, PATH: join(home.dir, "no-programs") }
  const child = Bun.spawn([...OPERATOR, "subjects", "check", "two", "--json"], {
    cwd: home.dir,
    env,
    stdout: "pipe",
    stderr: "ignore",
  })
  const checked = JSON.parse(await child.stdout.text()) as Record<string, unknown>
  expect(await child.exited).toBe(0)
  expect(checked).toMatchObject({ problems: [], not_checked: [expect.stringContaining("there is no docker command")] })
})

describe("subjects init", () => {
  /** With anchors and comments, in braces, and one service alone. */
  const FILES: Record<string, string> = {
    anchors: `# A shop.
name: shop
x-web: &web
  image: shop/web:1 # by us
  healthcheck: { test: [CMD, curl, -f, "http://localhost:8080/ready"] }
services:
  web-1: &one { <<: *web, ports: ["127.0.0.1:80:8080"] }
  web-2: *one
  db:
    image: registry:5000/postgres:16@sha256:0000000000000000000000000000000000000000000000000000000000000000
  migrate: { <<: *web, command: migrate }
  worker: { image: shop/worker, depends_on: { migrate: { condition: service_completed_successfully } } }
  debug: { <<: *web, profiles: [debug] }
  prometheus: { image: "prom/prometheus:v3" }
# The end.
`,
    braces: `{services: {cache0: {image: redis}, cache1: {image: redis}}, # both
}
`,
    plain: "services:\n  a: { image: x }",
  }

  test.each(Object.keys(FILES))("writes a block that passes the check as it is: %s", async (name) => {
    const before = FILES[name]!
    const path = file(`${name}.yaml`, before)
    chmodSync(path, 0o640)
    const printed = await home.run("subjects", "init", `./${name}.yaml`)
    expect(printed.exit_code).toBe(0)
    expect(readFileSync(path, "utf8")).toBe(before)
    const written = await home.run("subjects", "init", path, "--write")
    expect(written).toMatchObject({ exit_code: 0, stdout: "" })
    const after = readFileSync(path, "utf8")
    expect(after.trimEnd()).toBe(printed.stdout.trimEnd())
    expect(statSync(path).mode & 0o777).toBe(0o640)
    // The old text, in one piece or around what was put into its braces.
    const kept = name === "braces" ? before.slice(0, before.indexOf("}\n")) : before
    expect(after).toStartWith(kept)
    expect(await home.run("subjects", "check", path)).toMatchObject({ exit_code: 0, stdout: "" })

    const again = await home.run("subjects", "init", path, "--write")
    expect(again).toMatchObject({ exit_code: 2, stdout: "" })
    expect(again.stderr).toMatch(new RegExp(`${name}\\.yaml:\\d+:\\d+: x-operator: is there already`))
    expect(readFileSync(path, "utf8")).toBe(after)
  })

  test("guesses groups, health checks, ports and what is not meant to stay", async () => {
    const path = file("guess.yaml", FILES.anchors!)
    const { stdout } = await home.run("subjects", "init", path, "--json")
    expect(JSON.parse(stdout)).toMatchObject({
      groups: { web: ["web-1", "web-2"] },
      looks: [
        { each: "web", port: 8080, path: "/ready", certain: true },
        { each: "db", port: 5432 },
        { each: "prometheus", port: 9090, path: "/-/ready" },
      ],
    })
  })

  test("gives examples that pass the check once they are no comments any more", async () => {
    const path = file("examples.yaml", FILES.anchors!)
    await home.run("subjects", "init", path, "--write")
    const text = readFileSync(path, "utf8")
    const examples = text.slice(text.indexOf("x-operator:")).replace(/^( *)# (?=( *)(- |\w+: |[a-z]+:$| {2}))/gm, "$1")
    expect(examples).toContain("\n  workload:\n    rate: 20/s\n")
    writeFileSync(path, text.slice(0, text.indexOf("x-operator:")) + examples)
    expect(await home.run("subjects", "check", path)).toMatchObject({ stdout: "", exit_code: 0 })
    const shown = JSON.parse((await home.run("subjects", "show", path, "--json")).stdout) as Record<string, unknown>
    expect(shown).toMatchObject({ workload: { rate_per_s: 20 }, state: [{ name: "settings" }] })
    expect(shown.invariants).toContainEqual(expect.objectContaining({ name: "targets", asks: "up == 0" }))
  })

  test("refuses what is no Compose file, and leaves it as it is", async () => {
    for (const [text, message] of [
      ["services: [", /bad\.yaml:\d+:\d+: /],
      ["- a\n", /bad\.yaml:1:1: services: there are no services/],
      ["services: {}\n", /bad\.yaml:1:11: services: there are no services/],
    ] as const) {
      const path = file("bad.yaml", text)
      const ended = await home.run("subjects", "init", path, "--write")
      expect(ended).toMatchObject({ exit_code: 2, stdout: "", stderr: expect.stringMatching(message) })
      expect(readFileSync(path, "utf8")).toBe(text)
    }
    expect((await home.run("subjects", "init", "none.yaml")).stderr).toContain("there is no such file")
  })
})

describe("variants and campaigns", () => {
  test("are listed and shown as subjects are", async () => {
    const variants = await listed("variants")
    expect(variants.find(({ name }) => name === "mine")).toMatchObject({ model: "nobody", file: "variants/mine.yaml" })
    expect(variants.find(({ name }) => name === "bad")?.problem).toStartWith("variants/bad.yaml:3:8: model: ")
    const restart = await home.run("variants", "show", "restart")
    expect(restart.stdout).toMatch(/^runbook +A restart helps more often than not/m)
    expect(JSON.parse((await home.run("variants", "show", "default", "--json")).stdout)).toMatchObject({
      limits: { steps: 60, usd: 3, minutes: 15 },
      tools: ["shell"],
      prompt: { name: "on-call.md (built in)" },
    })

    const campaigns = await listed("campaigns")
    expect(campaigns.find(({ name }) => name === "mine")).toMatchObject({ about: "Mine", faults: ["none"], trials: 2 })
    expect(campaigns.find(({ name }) => name === "bad")?.problem).toContain("campaigns/bad.yaml:1:11: subjects: ")
    const mine = await home.run("campaigns", "show", "mine")
    expect(mine.stdout).toStartWith("mine  campaigns/mine.yaml\nMine\n")
    expect(mine.stdout).toContain("block 2 of 2, seed 2: 1 trials")
    const [shown, dry] = await Promise.all([
      home.run("campaigns", "show", "quickstart", "--json"),
      home.run("campaign", "quickstart", "--dry-run", "--json"),
    ])
    expect(JSON.parse(shown.stdout)).toMatchObject(JSON.parse(dry.stdout) as object)
  })
})
