import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createServer, type Server, type Socket } from "node:net"
import { type WatchedLab, watchedLab } from "../../../test/support/watched-lab.ts"
import type { Probe } from "../../lab/subject.ts"
import { operatorBlock } from "../../lab/subject.ts"
import { capture } from "../capture.ts"
import type { Answer, ProbeOptions, ProbeResult } from "./answer.ts"
import { runProbe } from "./probe.ts"

let watched: WatchedLab

beforeAll(async () => {
  watched = await watchedLab()
})

afterAll(() => watched[Symbol.asyncDispose]())

function probe(declared: unknown, options: Partial<ProbeOptions> = {}): Promise<ProbeResult> {
  const { state } = operatorBlock.parse({ state: [{ name: "s", probe: declared }] })
  const signal = new AbortController().signal
  return runProbe(watched.lab, state[0]!.probe as Probe, { values: {}, timeout_ms: 2_000, signal, ...options })
}

async function answer(declared: unknown, options: Partial<ProbeOptions> = {}): Promise<Answer> {
  const result = await probe(declared, options)
  if (result.kind !== "answer") throw new Error(`${result.kind}: ${result.reason}`)
  return result.value
}

/** A server of raw bytes; `say` is called for each connection once something was received. */
async function listening(say: (socket: Socket) => void) {
  let connections = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on("error", () => sockets.delete(socket))
    socket.on("data", () => say(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port, url: `http://127.0.0.1:${port}/`, connections: () => connections, [Symbol.asyncDispose]: close }
}

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
    await using server = await listening((socket) => socket.write(said("ok")))
    for (let n = 1; n <= 3; n++) await answer({ http: server.url })
    expect(server.connections()).toBe(3)
  })

  test("is silent when the node refuses, hangs up, talks nonsense or says nothing", async () => {
    const closed = await listening(() => {})
    await closed[Symbol.asyncDispose]()
    await using hangsUp = await listening((socket) => socket.destroy())
    await using cutsOff = await listening((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhal"))
    await using nonsense = await listening((socket) => socket.end("HTTP/1.1 abc OK\r\n\r\n"))
    await using mute = await listening(() => {})
    await using stalls = await listening((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhal"))
    for (const server of [closed, hangsUp, cutsOff, nonsense, mute, stalls]) {
      expect((await probe({ http: server.url }, { timeout_ms: 200 })).kind).toBe("silent")
    }
    expect(await probe({ http: mute.url }, { timeout_ms: 50 })).toEqual({
      kind: "silent",
      reason: "no answer within 50 ms",
    })
  })

  test("is blind when the fault is not the node's: no such host, no such group, an endless answer, a stop", async () => {
    await using endless = await listening((socket) => socket.write(said("x".repeat(2 * 1024 * 1024))))
    expect((await probe({ http: "http://nobody.invalid/" })).kind).toBe("blind")
    expect(await probe({ http: "http://{any:nobodies}/" })).toMatchObject({
      reason: expect.stringContaining("nobodies"),
    })
    expect(await probe({ http: endless.url })).toMatchObject({
      kind: "blind",
      reason: expect.stringContaining("longer"),
    })
    await using mute = await listening(() => {})
    const stop = new AbortController()
    const running = probe({ http: mute.url }, { signal: stop.signal })
    stop.abort()
    expect(await running).toEqual({ kind: "blind", reason: "the probe was stopped" })
  })

  test("goes to the node itself, whatever proxy the environment names", async () => {
    await using server = await listening((socket) => socket.write(said("direct")))
    process.env.HTTP_PROXY = "http://127.0.0.1:1/"
    try {
      expect((await answer({ http: server.url })).body).toBe("direct")
    } finally {
      delete process.env.HTTP_PROXY
    }
  })
})

describe("a tcp probe", () => {
  test("is answered by a connection, and silent without one", async () => {
    const server = await listening(() => {})
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

test("a probe of a node that does not run is silent at once", async () => {
  await using lab = await watchedLab()
  const node = lab.lab.nodes()[0]!
  await lab.lab.signal(node, "kill")
  const signal = new AbortController().signal
  const http = { method: "GET" as const, url: "http://a:8080/", headers: {} }
  const result = await runProbe(lab.lab, { http }, { values: {}, timeout_ms: 2_000, signal })
  expect(result).toEqual({ kind: "silent", reason: expect.stringMatching(/a is not running|connection/) })
})
