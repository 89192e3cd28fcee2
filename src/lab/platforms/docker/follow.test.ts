import { afterEach, beforeEach, expect, spyOn, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Clock, systemClock, waitUntil } from "../../../lib/clock.ts"
import { dockerEngine } from "./engine.ts"
import { follow } from "./follow.ts"

const PATIENCE = { timeout_ms: 20_000, every_ms: 10 }
const AGAIN = 3
/** Pauses are no part of these tests. */
const IMPATIENT: Clock = { ...systemClock, sleep: (_, signal) => systemClock.sleep(1, signal) }
const LAB = { label: "lab", value: "shop-1" }

let folder: string
let said: ReturnType<typeof spyOn<typeof process.stderr, "write">>
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "follow-"))
  said = spyOn(process.stderr, "write").mockReturnValue(true)
})
afterEach(() => {
  said.mockRestore()
  rmSync(folder, { recursive: true })
})

/** Follows an engine that answers each request for events as it is told to, until it was asked and looked often enough. */
async function followed(answer: () => Response, look: () => void = () => {}): Promise<void> {
  const unix = join(folder, "engine.sock")
  let [asked, looks] = [0, 0]
  const fetch = () => {
    asked++
    return answer()
  }
  const server = Bun.serve({ unix, fetch })
  const stop = follow(dockerEngine({ DOCKER_HOST: `unix://${unix}` }), LAB, IMPATIENT, async () => {
    looks++
    look()
  })
  const often = await waitUntil(() => asked >= AGAIN && (looks >= AGAIN || !answer().ok), PATIENCE)
  stop()
  await server.stop(true)
  expect(often).toBe(true)
}

const lines = () => said.mock.calls.map(([text]) => String(text))

test("an engine that refuses to tell is asked again, and that is said once", async () => {
  await followed(() => Response.json({ message: "no such filter" }, { status: 400 }))
  expect(lines()).toEqual([expect.stringMatching(/^shop-1: .* seen late, .*\(400\): no such filter\n$/)])
})

test("a look that fails otherwise than for an engine that is away is made again, and said once", async () => {
  const fail = () => {
    throw new TypeError("a mistake")
  }
  await followed(() => new Response(""), fail)
  expect(lines()).toEqual([expect.stringMatching(/^shop-1: .*: a mistake\n$/)])
})

test("an event that nobody can read is said once, and listened on after it", async () => {
  await followed(() => new Response("no JSON\nnor this\n"))
  expect(lines()).toEqual([expect.stringContaining("JSON")])
})

test("of streams that end nothing is said", async () => {
  await followed(() => new Response(""))
  expect(lines()).toEqual([])
})
