import { expect, test } from "bun:test"
import { join } from "node:path"
import { PROGRAMS } from "../lab/platforms/programs.ts"
import { hitsIn, WORDS } from "./hidden.ts"

const hits = (text: string, truths: string[] = []) =>
  hitsIn([{ place: "here", text }], { words: WORDS, truths }).map(({ word }) => word)

test("a word is found by itself, in any form, with what stands around it", () => {
  for (const text of ["chaos", "Chaos-mesh", "MY_CHAOS_2", "net.chaos.io", "myChaos", '"chaos":1'])
    expect(hits(text)).toEqual(["chaos"])
  expect(hits("an operator's trials")).toEqual(["operator", "trials"])
  const [hit] = hitsIn([{ place: "a log", text: `${"x".repeat(100)} fault\n${"y".repeat(100)}` }], {
    words: WORDS,
    truths: [],
  })
  expect(hit).toEqual({ place: "a log", word: "fault", excerpt: `${"x".repeat(39)} fault\\n${"y".repeat(34)}` })
})

test("letters that are a part of another word are none", () => {
  for (const text of ["default", "DEFAULT_FAULTY", "segfaults", "trialware", "cooperators", "industrial", "INJECTABLE"])
    expect(hits(text)).toEqual([])
})

test("what a truth says is found as it is", () => {
  expect(hits("docker start a-1", ["docker start a-1"])).toEqual(["docker start a-1"])
  expect(hits("docker start a-2", ["docker start a-1"])).toEqual([])
})

test("no program that is put into an image holds one of the words", async () => {
  for (const program of PROGRAMS) {
    const entry = join(import.meta.dir, "..", program, "main.ts")
    const { outputs } = await Bun.build({ entrypoints: [entry], target: "bun", minify: true })
    const text = await outputs[0]!.text()
    expect(text.length).toBeGreaterThan(10_000)
    expect(hitsIn([{ place: program, text }], { words: WORDS, truths: ["falsif"] })).toEqual([])
  }
})
