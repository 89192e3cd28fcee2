import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { planInjection } from "../src/store/plan-injection.ts"
import { markDestroyed } from "../src/store/labs.ts"
import { openStore } from "../src/store/open.ts"
import { closeTicket, openTicket } from "../src/store/tickets.ts"
import { type Home, makeHome } from "./support/operator.ts"
import { campaign, CAMPAIGN, refusal } from "./support/refusal.ts"
import { fillLog, recordLab } from "./support/stored-lab.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let home: Home
let closed: string

/** A store with two labs whose ids begin the same way, one that is gone, three tickets and two injections. */
beforeAll(() => {
  home = makeHome()
  const store = openStore(home.db)
  for (const lab of ["kv-1a2b", "kv-1f00", "kv-dead"]) {
    recordLab(store, lab)
    fillLog(store, lab)
    const seen = { invariant: "health", node: "a", kind: "violated", role: "gate", severity: "critical" } as const
    closed = openTicket(store, { lab, ...seen, observation: { status: 500 } })
    planInjection(store, { id: `i-${lab}`, lab, fault: "node_kill", targets: ["a"], params: {}, plan: { nodes: [] } })
  }
  closeTicket(store, closed, "known")
  markDestroyed(store, "kv-dead", "test", "over", 0)
  store.close()
})

afterAll(() => home.remove())

const refused = (words: readonly string[], exit_code = 2) => refusal(home, words, exit_code)

describe("words and flags", () => {
  test.each<[string[], string]>([
    [["lbs"], 'unknown command "lbs" (did you mean "labs"?)'],
    [["tickets", "shwo"], 'unknown command "tickets shwo" (did you mean "show"?)'],
    [["--verbose"], "unknown flag --verbose"],
    [["labs", "--jsno"], 'unknown flag --jsno (did you mean "--json"?)'],
    [["labs", "kv-1a2b"], '"kv-1a2b" is one word too many'],
    [["audit", "show"], "missing required positional argument: ID"],
    [["audit", "list", "-n", "0"], "--limit is at least 1, not 0"],
    [["audit", "list", "-n", "many"], '--limit is a whole number, not "many"'],
    [["logs", "kv-1a2b", "--tail", "1.5"], '--tail is a whole number, not "1.5"'],
    [["up", "ratelimiter", "--for", "8"], '--for: "8" is not a duration'],
    [["up", "ratelimiter", "--for", "8 hours"], '--for: "8 hours" is not a duration'],
    [["up", "ratelimiter", "--for=-1s"], '--for: "-1s" is not a duration'],
    [campaign("--stable", "soon"), '--stable: "soon" is not a duration'],
    [campaign("--param", "x"), "--param x is no NAME=VALUE"],
    [campaign("--param", "=x"), "--param =x is no NAME=VALUE"],
    [["down"], "name one lab, or --all"],
    [["chaos", "revert"], "name one injection, or --all"],
    [["tickets", "close", "t-"], "missing required argument: --reason"],
    [["labs", "--db", ""], "--db needs a value"],
  ])("%j", async (words, message) => {
    const said = await refused(words)
    expect(said.split("\n")[0]).toBe(message)
    expect(said).toContain("\n  → ")
  })
})

describe("ids and names", () => {
  test.each<[string[], string | RegExp]>([
    [["audit", "show", "kv-2a2b"], 'no id "kv-2a2b" (did you mean "kv-1a2b"?)'],
    [["audit", "show", "kv-1"], '"kv-1" may be any of 2 ids: kv-1a2b, kv-1f00'],
    [["logs", "etcd"], 'no lab "etcd"'],
    [["logs", "kv-1"], '"kv-1" may be any of 2 labs: kv-1a2b, kv-1f00'],
    [["exec", "kv-1", "--", "true"], '"kv-1" may be any of 2 labs: kv-1a2b, kv-1f00'],
    [["monitor", "kv-2"], /^no lab "kv-2"/],
    [["down", "kv-dead"], "kv-dead was destroyed"],
    [["logs", "kv-dead"], "kv-dead was destroyed"],
    [["tickets", "list", "kv"], '"kv" may be any of 3 labs: kv-1a2b, kv-1f00, kv-dead'],
    [["tickets", "show", "t-"], /^"t-" may be any of 3 tickets: t-.{6}, t-.{6}, t-.{6}$/],
    [["tickets", "hold", "x", "--reason", "mine"], 'no ticket "x"'],
    [["tickets", "close", "t-", "--reason", "x"], /^"t-" may be any of 3 tickets/],
    [["tickets", "release", "zz"], 'no ticket "zz"'],
    [["chaos", "revert", "i-kv-1"], '"i-kv-1" may be any of 2 injections: i-kv-1a2b, i-kv-1f00'],
    [["chaos", "revert", "i-9"], /^no injection "i-9"/],
    [["chaos", "inject", "kv-1", "node_kill"], '"kv-1" may be any of 2 labs: kv-1a2b, kv-1f00'],
    [["chaos", "inject", "kv-1a2b", "nod_kill"], 'there is no fault "nod_kill" for kv (did you mean "node_kill"?)'],
    [["chaos", "inject", "kv-1a2b", "none", "--param", "x=1"], "none: it takes no parameter x"],
    [["chaos", "inject", "kv-1a2b", "none", "--target", "b"], /there is no target "b" \(did you mean "a"\?\)$/],
    [["up", "ratelimitr"], 'there is no subject "ratelimitr" (did you mean "ratelimiter"?)'],
    [["up", "./nowhere.yaml"], /^the subject \S+nowhere\.yaml: there is no such file$/],
    [campaign("--subject", "ratelimitr"), 'there is no subject "ratelimitr" (did you mean "ratelimiter"?)'],
    [campaign("--fault", "node_kil"), 'there is no fault "node_kil" for ratelimiter (did you mean "node_kill"?)'],
    [campaign("--variant", "orcle"), 'there is no variant "orcle" (did you mean "oracle"?)'],
    [campaign("--target", "limiter-z"), /there is no target "limiter-z" \(did you mean "limiter-a"\?\)$/],
    [campaign("--param", "hard=true"), "node_kill: it takes no parameter hard"],
    [[...CAMPAIGN, "--variant", "oracle"], 'the variant "oracle" is named twice'],
  ])("%j", async (words, message) => {
    const [first] = (await refused(words)).split("\n")
    if (typeof message === "string") expect(first).toBe(message)
    else expect(first).toMatch(message)
  })

  test("a node that a lab does not have, and a lab of which nothing is left", async () => {
    expect(await refused(["logs", "kv-1a2b", "limiter"])).toStartWith('kv-1a2b has no node "limiter"')
    expect(await refused(["exec", "kv-1a2b", "--", "true"], 4)).toStartWith("the folder /nowhere/kv-1a2b is gone")
  })

  test("a ticket that is settled already", async () => {
    expect(await refused(["tickets", "hold", closed, "--reason", "mine"])).toStartWith(
      `${closed} is closed and cannot be held`,
    )
    expect(await refused(["tickets", "close", closed, "--reason", " "])).toStartWith(
      `${closed} cannot be closed without a reason`,
    )
  })
})
