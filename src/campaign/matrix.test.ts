import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parsePrices } from "../agent/prices.ts"
import { openStore, type Store } from "../store/open.ts"
import { readText } from "../store/texts.ts"
import type { CampaignRequest, FaultRequest } from "./file.ts"
import { resolveMatrix } from "./matrix.ts"

let dir: string
let store: Store
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "operator-test-"))
  store = openStore(join(dir, "operator.db"))
})
afterAll(() => {
  store.close()
  rmSync(dir, { recursive: true })
})

const REQUEST: CampaignRequest = {
  name: "m",
  subjects: ["ratelimiter"],
  faults: [
    { fault: "none", targets: ["one"], params: {} },
    { fault: "node_kill", targets: ["one", "limiter-a"], params: {} },
  ],
  variants: ["oracle", "nobody"],
  trials: 3,
  seed: 7,
  parallel: 1,
  cooldown_ms: 0,
  limits: { stable_ms: 1 },
  limit_usd: null,
  requirements: [],
}

test("a cell whose fault ends with a restart is another one; what is as usual changes nothing", async () => {
  const of = (...on_restart: (FaultRequest["on_restart"] | undefined)[]) =>
    resolveMatrix(store, {
      ...REQUEST,
      faults: on_restart.map((one) => ({ fault: "node_kill", targets: ["one"], params: {}, on_restart: one })),
    })
  const usual = await of(undefined)
  expect((await of("reapply")).hash).toBe(usual.hash)
  const both = await of("reapply", "void")
  expect(both.trials).toHaveLength(usual.trials.length * 2)
  expect(both.trials.filter(({ on_restart }) => on_restart === "void")).toHaveLength(usual.trials.length)
})

test("every cell meets every variant in every repetition, once", async () => {
  const { trials } = await resolveMatrix(store, REQUEST)
  expect(trials).toHaveLength(3 * 2 * 3)
  const keys = trials.map(({ fault, target, variant, repetition }) => `${fault} ${target} ${variant} ${repetition}`)
  expect(new Set(keys).size).toBe(trials.length)
  expect(trials.every(({ limits }) => limits.stable_ms === 1 && limits.deadline_ms === 600_000)).toBe(true)
})

test("a repetition has one seed, whatever the variant, and each block holds one repetition of everything", async () => {
  const { trials } = await resolveMatrix(store, REQUEST)
  for (const [index, { repetition, seed }] of trials.entries()) {
    expect(repetition).toBe(Math.floor(index / 6) + 1)
    expect(seed).toBe(7 + repetition - 1)
  }
})

test("blocks are in orders of their own, which follow from the seed", async () => {
  const orderOf = async (seed: number) => {
    const { trials } = await resolveMatrix(store, { ...REQUEST, trials: 4, seed })
    return trials.map(({ fault, target, variant }) => `${fault} ${target} ${variant}`)
  }
  const order = await orderOf(7)
  expect(order).toEqual(await orderOf(7))
  expect(order).not.toEqual(await orderOf(8))
  const blocks = [0, 1, 2, 3].map((block) => order.slice(block * 6, block * 6 + 6).join())
  expect(new Set(blocks).size).toBeGreaterThan(1)
})

test("the hash follows what decides a trial and nothing else", async () => {
  const hashOf = async (change: Partial<CampaignRequest>) =>
    (await resolveMatrix(store, { ...REQUEST, ...change })).hash
  const hash = await hashOf({})
  expect(await hashOf({ limit_usd: 9 })).toBe(hash)
  expect(await hashOf({ parallel: 4, cooldown_ms: 9, requirements: [{ verdict: ["quiet"], at_least: 1 }] })).toBe(hash)
  for (const change of [{ seed: 8 }, { trials: 4 }, { limits: {} }, { variants: ["oracle"] }, { name: "n" }]) {
    expect(await hashOf(change)).not.toBe(hash)
  }
})

test("a price table that is given is part of every trial, and of the hash; without one only Claude has the built-in one", async () => {
  const prices = await parsePrices("as_of: 2026-11-20\nmodels: {}\n", "mine.yaml")
  const [without, with_one] = [await resolveMatrix(store, REQUEST), await resolveMatrix(store, REQUEST, { prices })]
  const kept = new Set(with_one.trials.map(({ prices_text }) => readText(store, prices_text!).content))
  expect(kept).toEqual(new Set([prices.text]))
  expect(with_one.hash).not.toBe(without.hash)
  expect(without.trials.some(({ prices_text }) => prices_text !== undefined)).toBe(false)
})

test("Claude's trials hold the prompt and the prices that they run with", async () => {
  const { trials } = await resolveMatrix(store, { ...REQUEST, variants: ["default", "nobody"] })
  const of = (name: string) => trials.find(({ variant }) => variant === name)!
  const [claude, control] = [of("default"), of("nobody")]
  expect(readText(store, claude.prompt_text!).content).toContain("on call")
  expect(readText(store, claude.prices_text!).content).toContain("claude-opus-5-5")
  expect(control.prompt_text ?? control.prices_text).toBeUndefined()
})

test("names that are not there, and cells that are there twice, are refused before anything runs", async () => {
  const refused = (change: Partial<CampaignRequest>) => expect(resolveMatrix(store, { ...REQUEST, ...change })).rejects
  await refused({ subjects: ["ratelimitr"] }).toThrow('did you mean "ratelimiter"?')
  await refused({ variants: ["orcale"] }).toThrow('did you mean "oracle"?')
  await refused({ variants: ["oracle", "oracle"] }).toThrow("named twice")
  await refused({ faults: [{ fault: "node_kil", targets: ["one"], params: {} }] }).toThrow('did you mean "node_kill"?')
  await refused({ faults: [{ fault: "node_kill", targets: ["limiter-x"], params: {} }] }).toThrow("limiter-a")
  await refused({ faults: [{ fault: "node_kill", targets: ["one", "one"], params: {} }] }).toThrow("twice")
  await refused({ faults: [{ fault: "node_kill", targets: ["one"], params: { speed: [1] } }] }).toThrow("speed")
})
