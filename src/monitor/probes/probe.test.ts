import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { answered, probed } from "../../../test/support/probed.ts"
import { rawServer } from "../../../test/support/raw-server.ts"
import { type WatchedLab, watchedLab } from "../../../test/support/watched-lab.ts"
import { operatorBlock } from "../../lab/subject.ts"
import { capture } from "../capture.ts"
import type { ProbeOptions } from "./answer.ts"

let watched: WatchedLab

beforeAll(async () => {
  watched = await watchedLab()
})

afterAll(() => watched[Symbol.asyncDispose]())

const probe = (declared: unknown, options: Partial<ProbeOptions> = {}) => probed(watched.lab, declared, options)
const answer = (declared: unknown, options: Partial<ProbeOptions> = {}) => answered(watched.lab, declared, options)

describe("a tcp probe", () => {
  test("is answered by a connection, and silent without one", async () => {
    const server = await rawServer(() => {})
    expect((await answer({ tcp: `127.0.0.1:${server.port}` })).duration_ms).toBeGreaterThan(0)
    expect((await probe({ tcp: "{service}:8080" }, { values: { service: "a" } })).kind).toBe("answer")
    await server[Symbol.asyncDispose]()
    expect(await probe({ tcp: `127.0.0.1:${server.port}` })).toEqual({ kind: "silent", reason: "connection refused" })
  })
})

describe("an exec probe", () => {
  test("sees what the command printed, parsed when it is JSON", async () => {
    expect(await answer({ exec: `echo warning >&2; echo '{"drifted": 0}'` })).toMatchObject({
      exit_code: 0,
      body: { drifted: 0 },
    })
    expect((await answer({ exec: "echo PONG" })).body).toBe("PONG")
    expect((await answer({ exec: "pwd" })).body).toBe(watched.lab.dir)
  })

  test("is blind when the command fails, with its last line as the reason", async () => {
    expect(await probe({ exec: "echo first; echo 'no such store' >&2; exit 3" })).toEqual({
      kind: "blind",
      reason: "the probe's command ended with 3: no such store",
    })
  })

  test("is blind when the command takes too long or prints nothing", async () => {
    expect(await probe({ exec: "sleep 30" }, { timeout_ms: 50 })).toMatchObject({
      kind: "blind",
      reason: expect.stringContaining("longer than 50 ms"),
    })
    expect((await probe({ exec: "true" })).kind).toBe("blind")
  })
})

describe("a captured state", () => {
  const declared = (state: object) => operatorBlock.parse({ state: [{ name: "s", ...state }] }).state[0]!

  test("is what `pick` keeps of the answer", async () => {
    watched.answers("a", { body: { members: [{ name: "b" }, { name: "c" }] } })
    const state = declared({ probe: { http: "http://a:8080/" }, pick: "body.members.name" })
    expect(await capture(watched.lab, state, { timeout_ms: 1_000 })).toEqual({ kind: "value", value: ["b", "c"] })
  })

  test("is nothing when there is no answer, a bad one, or nothing to pick", async () => {
    watched.answers("a", { status: 500, body: { members: [] } })
    for (const state of [
      declared({ probe: { http: "http://a:8080/" } }),
      declared({ probe: { http: "http://127.0.0.1:1/" } }),
      declared({ probe: { exec: "echo {}" }, pick: "body.members" }),
    ]) {
      expect((await capture(watched.lab, state, { timeout_ms: 1_000 })).kind).toBe("nothing")
    }
  })
})
