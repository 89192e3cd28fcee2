import { expect, test } from "bun:test"
import { cellName, shortNames, showCensored, showInterval, showPercent, trialName } from "./words.ts"

const cell = (fault: string, given: { subject?: string; target?: string; params?: Record<string, unknown> } = {}) => ({
  ...{ subject: "kv", target: "one", params: {} },
  ...given,
  fault,
})

test("a cell is named with all that it is", () => {
  expect(cellName(cell("node_kill"))).toBe("kv · node_kill at one")
  expect(cellName(cell("drift", { target: "all" }))).toBe("kv · drift")
  expect(cellName(cell("latency", { target: "leader", params: { by: "100ms", loss: 5 } }))).toBe(
    "kv · latency at leader, by=100ms, loss=5",
  )
})

test("a short name says no more than what tells cells apart", () => {
  const plain = [cell("node_kill"), cell("drift", { target: "all", params: { by: 4 } })]
  expect(plain.map(shortNames(plain))).toEqual(["node_kill", "drift"])
  const subjects = [cell("node_kill"), cell("node_kill", { subject: "etcd" })]
  expect(subjects.map(shortNames(subjects))).toEqual(["kv · node_kill", "etcd · node_kill"])
  const targets = [cell("node_kill"), cell("node_kill", { target: "leader" })]
  expect(targets.map(shortNames(targets))).toEqual(["node_kill at one", "node_kill at leader"])
  const params = [cell("loss", { params: { share: 5 } }), cell("loss", { params: { share: 20 } })]
  expect(params.map(shortNames(params))).toEqual(["loss, share=5", "loss, share=20"])
})

test("a trial's name has its attempt from the second on", () => {
  expect(trialName("node_kill", { variant: "oracle", repetition: 3, attempt: 1 })).toBe("node_kill · oracle · 3")
  expect(trialName("node_kill", { variant: "oracle", repetition: 3, attempt: 2 })).toBe(
    "node_kill · oracle · 3 · attempt 2",
  )
})

test("a censored time is longer than what is shown, and none is a dash", () => {
  expect(showCensored({ ms: 12_000, censored: true })).toBe("> 12.0 s")
  expect(showCensored({ ms: 340, censored: false })).toBe("340 ms")
  expect(showCensored(null)).toBe("–")
})

test("100 % is all and 0 % is none, whatever is rounded", () => {
  expect([1, 0.999, 0.5, 0.001, 0].map(showPercent)).toEqual(["100 %", "99 %", "50 %", "1 %", "0 %"])
  expect(showInterval({ low: 0.4385, high: 1 })).toBe("44–100 %")
})
