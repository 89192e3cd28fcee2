import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { type SleepyLab, sleepyLab } from "../../test/support/sleepy-lab.ts"
import { parseSubject } from "../lab/parse-subject.ts"
import { waitUntil } from "../lib/clock.ts"
import { UsageError } from "../lib/errors.ts"
import { injectionsOf, isOpen } from "../store/injections.ts"
import { findFault } from "./catalogue.ts"
import { refuseWatching } from "./guard-rails.ts"
import { inject, type InjectOptions, plan } from "./inject.ts"
import { revertAll } from "./revert.ts"

const MARK = { about: "", inject: 'touch "{lab}/m"', undo: 'rm -f "{lab}/m"', active: 'test -e "{lab}/m"' }

let sleepy: SleepyLab
beforeAll(async () => {
  sleepy = await sleepyLab({ mark: { declared: MARK } })
})
afterAll(() => sleepy[Symbol.asyncDispose]())
afterEach(async () => {
  await revertAll(sleepy.store, sleepy.lab)
  for (const name of ["a", "b", "c"]) await sleepy.lab.start(name)
  expect(records().filter(isOpen)).toEqual([])
})

const records = () => injectionsOf(sleepy.store, sleepy.lab.id)
const options = (fault: string, target: string, more: Partial<InjectOptions> = {}) => ({
  ...{ fault, target, params: {}, seed: 1 },
  ...more,
})
const break_ = (...words: Parameters<typeof options>) => inject(sleepy.store, sleepy.lab, options(...words))

/** Refused as somebody's mistake, with nothing recorded. */
async function refuses(message: string, ...words: Parameters<typeof options>): Promise<void> {
  const before = records().length
  const refused = break_(...words)
  await expect(refused).rejects.toThrow(message)
  await expect(refused).rejects.toBeInstanceOf(UsageError)
  expect(records()).toHaveLength(before)
}

describe("a majority", () => {
  test("is not taken away from a group, neither at once nor one by one, unless somebody says so", async () => {
    await refuses("this leaves 1 of the 3 nodes of trio, and a majority is 2", "node_pause", "majority")
    await break_("node_pause", "a")
    await refuses("(a being down or broken already)", "node_kill", "b")
    await refuses("this leaves 0 of the 3 nodes of trio, and", "node_kill", "all")
    await break_("node_kill", "b", { allow_quorum_loss: true })
  })

  test("counts a node that is down for another reason", async () => {
    await sleepy.lab.signal(sleepy.node("c"), "kill")
    expect(await waitUntil(() => sleepy.node("c").state === "exited", { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
    await refuses("(c being down or broken already)", "node_pause", "a")
  })

  test("counts no fault that somebody has repaired without a word", async () => {
    const { targets } = await break_("node_pause", "a")
    expect(targets).toEqual(["a"])
    await sleepy.lab.signal(sleepy.node("a"), "resume")
    expect(await waitUntil(() => sleepy.node("a").state === "running", { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
    await break_("node_pause", "b")
  })
})

describe("the same fault", () => {
  test("is not injected twice into one target, and the message says which one is there", async () => {
    const first = await break_("node_pause", "a")
    await refuses(`a has a node_pause already: ${first.id}`, "node_pause", "a", { allow_quorum_loss: true })
    await break_("node_pause", "b", { allow_quorum_loss: true })
  })

  test("of the subject as a whole is not injected twice", async () => {
    const first = await break_("mark", "all")
    await refuses(`${sleepy.lab.id} has a mark already: ${first.id}`, "mark", "all")
  })

  test("that was repaired by hand may be injected again", async () => {
    await break_("node_kill", "a")
    await sleepy.lab.start("a")
    expect(await break_("node_kill", "a")).toMatchObject({ confirmation: "confirmed" })
  })
})

test("a node that somebody else has paused is not paused, since its revert would undo that", async () => {
  await sleepy.lab.signal(sleepy.node("b"), "pause")
  expect(await waitUntil(() => sleepy.node("b").state === "paused", { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
  await refuses("b: paused already, by somebody else", "node_pause", "b")
  await sleepy.lab.signal(sleepy.node("b"), "resume")
})

test("what is only thought through leaves no record, and nothing in the lab", async () => {
  const before = records().length
  const { injection } = await plan(sleepy.store, sleepy.lab, options("node_kill", "a", { lasts_ms: 1_000 }))
  expect(injection).toMatchObject({ targets: ["a"], expires_at: expect.any(String) })
  expect(records()).toHaveLength(before)
  expect(sleepy.states()).toEqual({ a: "running", b: "running", c: "running" })
})

describe("what watches a lab", () => {
  const watched = (groups: Record<string, string[]> = {}, faults: Record<string, unknown> = {}) =>
    parseSubject(
      JSON.stringify({
        name: "kv",
        services: Object.fromEntries([...WATCHING, ...SYSTEM].map((name) => [name, {}])),
        "x-operator": { prometheus: "http://metrics:9090", groups, faults },
      }),
      "kv.yaml",
    )
  const WATCHING = ["metrics", "prometheus", "grafana", "node-exporter", "redis_exporter", "kv.alertmanager", "loki-1"]
  const SYSTEM = ["a", "lokiless", "importer", "exporting"]

  test("is never broken, whether its name says so or the subject", async () => {
    const subject = await watched()
    const kill = findFault("node_kill", subject)
    for (const service of WATCHING) expect(() => refuseWatching(subject, kill, ["a", service])).toThrow(service)
    expect(() => refuseWatching(subject, kill, SYSTEM)).not.toThrow()
  })

  test("is broken where the subject says that it is what is under test; the Prometheus that is asked never", async () => {
    const subject = await watched({ tested: ["grafana", "metrics"] }, { node_kill: { group: "tested" } })
    const kill = findFault("node_kill", subject)
    expect(() => refuseWatching(subject, kill, ["grafana"])).not.toThrow()
    expect(() => refuseWatching(subject, kill, ["metrics"])).toThrow("metrics")
    expect(() => refuseWatching(subject, findFault("node_pause", subject), ["grafana"])).toThrow("grafana")
  })
})

describe("two that do not know of each other", () => {
  test("are seen by the guard rails all the same, when they come at once", async () => {
    const both = await Promise.allSettled([break_("node_kill", "a"), break_("node_kill", "b")])
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    const [refused] = both.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []))
    expect(refused).toContain("being down or broken already")
  })

  test("are not hidden in a combined one, nor one behind it", async () => {
    const parts = (...faults: object[]) => ({ params: { faults }, allow_quorum_loss: true })
    const { id } = await break_("node_pause", "a")
    const again = { fault: "node_pause", target: "a" }
    await refuses(`a has a node_pause already: ${id}`, "combined", "one", parts(again, { fault: "mark" }))
    await revertAll(sleepy.store, sleepy.lab)
    await break_("combined", "one", parts(again, { fault: "mark" }))
    await refuses("a has a combined already", "node_pause", "a", { allow_quorum_loss: true })
  })
})

test("whether a majority goes on depends on how much is taken from it", () => {
  const spares = (name: string, params: Record<string, unknown>) =>
    findFault(name, sleepy.lab.subject).sparesQuorum?.(params)
  expect([spares("packet_loss", { percent: 20 }), spares("packet_loss", { percent: 100 })]).toEqual([true, false])
  expect([spares("latency", { delay_ms: 100 }), spares("latency", { delay_ms: 5_000 })]).toEqual([true, false])
  expect([spares("cpu_throttle", { percent: 50 }), spares("cpu_throttle", { percent: 2 })]).toEqual([true, false])
})
