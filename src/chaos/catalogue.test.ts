import { describe, expect, test } from "bun:test"
import { parseSubject } from "../lab/parse-subject.ts"
import { NO_FAULT } from "../store/injections.ts"
import { UsageError } from "../lib/errors.ts"
import { BUILT_IN, declarationOf, findFault, paramsOf } from "./catalogue.ts"

const declared = { about: "Drifts", inject: "tamper --by {by}", undo: "recount", active: "true" }
const subject = await parseSubject(
  JSON.stringify({
    name: "kv",
    services: { a: {} },
    "x-operator": {
      faults: {
        counter_drift: { declared, params: { by: 5 } },
        node_pause: { declared: { ...declared, about: "Pauses in the subject's own way" } },
        node_kill: { group: "a", noticed_by: ["slo"] },
      },
    },
  }),
  "kv.yaml",
)

describe("a fault", () => {
  test("is found by its name: those for every subject, and the subject's own", () => {
    const nodes = ["node_kill", "node_crash", "node_pause", "process_hang"]
    const networks = ["network_partition", "packet_loss", "latency", "bandwidth", "connection_reset", "dns_failure"]
    const within = ["cpu_hog", "cpu_throttle", "memory_hog", "disk_pressure", "config_corrupt"]
    const stores = ["redis_kill", "redis_pause", "etcd_quota", "burst_traffic"]
    expect(BUILT_IN.map(({ name }) => name)).toEqual([
      ...NO_FAULT,
      ...nodes,
      ...networks,
      ...within,
      ...stores,
      "combined",
    ])
    expect(findFault("node_kill", subject)).toBe(BUILT_IN[NO_FAULT.length]!)
    expect(findFault("counter_drift", subject)).toMatchObject({ name: "counter_drift", about: "Drifts" })
  })

  test("that the subject declares goes before one that every subject has", () => {
    expect(findFault("node_pause", subject).about).toBe("Pauses in the subject's own way")
  })

  test.each([
    ["node_kil", "node_kill"],
    ["counterdrift", "counter_drift"],
    ["non", "none"],
  ])("that does not exist (%s) is refused with the nearest one (%s)", (word, nearest) => {
    expect(() => findFault(word, subject)).toThrow(`there is no fault "${word}" for kv (did you mean "${nearest}"?)`)
    expect(() => findFault(word, subject)).toThrow(UsageError)
  })

  test("that is nothing like any other is refused without a guess", () => {
    expect(() => findFault("constructor", subject)).toThrow(/^there is no fault "constructor" for kv$/)
  })

  test("has what the subject says of it, or nothing", () => {
    expect(declarationOf("node_kill", subject)).toMatchObject({ group: "a", noticed_by: ["slo"], may_change: [] })
    expect(declarationOf("none", subject)).toEqual({ noticed_by: [], may_change: [], params: {} })
  })
})

describe("the parameters of a fault", () => {
  test("are the subject's, unless others are given", () => {
    const drift = findFault("counter_drift", subject)
    expect(paramsOf(drift, subject, {})).toEqual({ by: 5 })
    expect(paramsOf(drift, subject, { by: 7 })).toEqual({ by: 7 })
  })

  test("that it does not take are refused by name", () => {
    const refused = (fault: string) => () => paramsOf(findFault(fault, subject), subject, { speed: 1 })
    expect(refused("counter_drift")).toThrow("counter_drift: it takes no parameter speed")
    expect(refused("node_kill")).toThrow(new UsageError("node_kill: it takes no parameter speed"))
  })
})
