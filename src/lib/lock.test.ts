import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { waitUntil } from "./clock.ts"
import { EnvironmentError, Interrupted } from "./errors.ts"
import { withLock } from "./lock.ts"

let place: string
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "lock-"))
})
afterAll(() => rmSync(place, { recursive: true }))

const LONG = { wait_ms: 20_000, doing: "testing", onWait: () => {} }
const never = () => new Promise<never>(() => {})

/** Another process that holds the lock until it is killed. */
async function holder(file: string) {
  const script = `
    import { withLock } from ${JSON.stringify(join(import.meta.dir, "lock.ts"))}
    setInterval(() => {}, 1_000)
    await withLock(${JSON.stringify(file)}, { wait_ms: 0, doing: "", onWait: () => {} }, () => {
      console.log("held")
      return new Promise(() => {})
    })`
  const child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "pipe", "inherit"] })
  for await (const _ of child.stdout) break
  return child
}

test("a lock is held by one at a time, and let go of with what the work returns or throws", async () => {
  const file = join(place, "one")
  let [inside, most] = [0, 0]
  const work = async () => {
    most = Math.max(most, ++inside)
    await Bun.sleep(1)
    inside--
    return "done"
  }
  const all = await Promise.all(Array.from({ length: 5 }, () => withLock(file, LONG, work)))
  expect({ all, most }).toEqual({ all: Array(5).fill("done"), most: 1 })
  const failing = withLock(file, LONG, () => Promise.reject(new Error("no")))
  await expect(failing).rejects.toThrow("no")
  expect(await withLock(file, { ...LONG, wait_ms: 0 }, async () => "free")).toBe("free")
  expect(statSync(file).size).toBe(0)
})

test("a holder that is killed holds it no more, and whoever waits is told once that it does", async () => {
  const file = join(place, "two")
  const other = await holder(file)
  let waits = 0
  const waiting = withLock(file, { ...LONG, onWait: () => void waits++ }, async () => other.killed)
  expect(await waitUntil(() => waits > 0, { timeout_ms: 10_000, every_ms: 5 })).toBe(true)
  other.kill("SIGKILL")
  expect(await waiting).toBe(true)
  expect(waits).toBe(1)
})

test("a wait ends with an error that says for what it was, or when it is interrupted", async () => {
  const file = join(place, "three")
  const stop = new AbortController()
  void withLock(file, LONG, never)
  const late = await withLock(file, { ...LONG, wait_ms: 10 }, never).catch((error: unknown) => error)
  expect(late).toBeInstanceOf(EnvironmentError)
  expect((late as EnvironmentError).message).toStartWith("another process has been testing for more than")
  expect((late as EnvironmentError).hint).toContain(file)
  const waiting = withLock(file, { ...LONG, signal: stop.signal }, never).catch((error: unknown) => error)
  stop.abort()
  expect(await waiting).toBeInstanceOf(Interrupted)
})
