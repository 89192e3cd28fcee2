import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { nodeOf } from "../../../test/support/kv-lab.ts"
import { answered, probed } from "../../../test/support/probed.ts"
import { rawServer } from "../../../test/support/raw-server.ts"
import { type WatchedLab, watchedLab } from "../../../test/support/watched-lab.ts"
import { waitUntil } from "../../lib/clock.ts"
import type { ProbeOptions } from "./answer.ts"

let watched: WatchedLab

beforeAll(async () => {
  watched = await watchedLab()
})

afterAll(() => watched[Symbol.asyncDispose]())

const probe = (declared: unknown, options: Partial<ProbeOptions> = {}) => probed(watched.lab, declared, options)
const answer = (declared: unknown, options: Partial<ProbeOptions> = {}) => answered(watched.lab, declared, options)

const said = (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`

describe("an http probe", () => {
  test("sees status, headers, parsed body and duration of a node that is named by its service", async () => {
    watched.answers("a", { status: 418, body: { tea: ["green"] } })
    const seen = await answer({ http: "http://{service}:8080/health" }, { values: { service: "a" } })
    expect(seen).toMatchObject({ status: 418, body: { tea: ["green"] } })
    expect(seen.headers?.["content-type"]).toContain("application/json")
    expect(seen.duration_ms).toBeGreaterThan(0)
  })

  test("sends method, headers and a body in which the placeholders are filled", async () => {
    await using echo = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => Response.json([request.method, request.headers.get("x-key"), await request.json()]),
    })
    const http = {
      method: "POST",
      url: `${echo.url}`,
      headers: { "x-key": "{service}" },
      body: { key: "probe:{service}" },
    }
    expect((await answer({ http }, { values: { service: "a" } })).body).toEqual(["POST", "a", { key: "probe:a" }])
  })

  test("takes a body that is no JSON as text, whatever its header claims", async () => {
    await using plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("[no JSON") })
    await using liar = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("oops", { headers: { "content-type": "application/json" } }),
    })
    expect((await answer({ http: `${plain.url}` })).body).toBe("[no JSON")
    expect((await answer({ http: `${liar.url}` })).body).toBe("oops")
  })

  test("follows no redirect", async () => {
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => Response.redirect("http://elsewhere/"),
    })
    expect((await answer({ http: `${server.url}` })).status).toBe(302)
  })

  test("makes a new connection each time, so that a dead node is not reached through an old one", async () => {
    await using server = await rawServer((socket) => socket.write(said("ok")))
    for (let n = 1; n <= 3; n++) await answer({ http: server.url })
    expect(server.connections()).toBe(3)
  })

  test("is silent when the node refuses, hangs up, talks nonsense or says nothing", async () => {
    const closed = await rawServer(() => {})
    await closed[Symbol.asyncDispose]()
    await using hangsUp = await rawServer((socket) => socket.destroy())
    await using cutsOff = await rawServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhal"))
    await using nonsense = await rawServer((socket) => socket.end("HTTP/1.1 abc OK\r\n\r\n"))
    await using mute = await rawServer(() => {})
    await using stalls = await rawServer((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhal"))
    for (const server of [closed, hangsUp, cutsOff, nonsense, mute, stalls]) {
      expect((await probe({ http: server.url }, { timeout_ms: 200 })).kind).toBe("silent")
    }
    expect(await probe({ http: mute.url }, { timeout_ms: 50 })).toEqual({
      kind: "silent",
      reason: "no answer within 50 ms",
    })
  })

  test("is blind when the fault is not the node's: no such host, no such group, an endless answer, a stop", async () => {
    await using endless = await rawServer((socket) => socket.write(said("x".repeat(2 * 1024 * 1024))))
    expect((await probe({ http: "http://nobody.invalid/" })).kind).toBe("blind")
    expect(await probe({ http: "http://{any:nobodies}/" })).toMatchObject({
      reason: expect.stringContaining("nobodies"),
    })
    expect(await probe({ http: endless.url })).toMatchObject({
      kind: "blind",
      reason: expect.stringContaining("longer"),
    })
    await using mute = await rawServer(() => {})
    const stop = new AbortController()
    const running = probe({ http: mute.url }, { signal: stop.signal })
    stop.abort()
    expect(await running).toEqual({ kind: "blind", reason: "the probe was stopped" })
  })

  test("goes to the node itself, whatever proxy the environment names", async () => {
    await using server = await rawServer((socket) => socket.write(said("direct")))
    process.env.HTTP_PROXY = "http://127.0.0.1:1/"
    try {
      expect((await answer({ http: server.url })).body).toBe("direct")
    } finally {
      delete process.env.HTTP_PROXY
    }
  })

  test("is silent at once when the node does not run", async () => {
    await watched.lab.signal(nodeOf(watched.lab, "b"), "kill")
    const gone = () => nodeOf(watched.lab, "b").state === "exited"
    expect(await waitUntil(gone, { timeout_ms: 5_000, every_ms: 5 })).toBe(true)
    expect(await probe({ http: "http://b:8080/" })).toEqual({ kind: "silent", reason: "b is not running" })
  })
})
