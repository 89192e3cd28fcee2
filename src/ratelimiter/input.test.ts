import { afterAll, beforeAll, expect, test } from "bun:test"
import { check, Cluster, request, run } from "../../test/support/ratelimiter.ts"

let cluster: Cluster
let url: string

beforeAll(async () => {
  cluster = new Cluster()
  url = (await cluster.start("a")).url
})

afterAll(() => cluster.destroy())

const refused = async (method: string, path: string, body?: unknown) => {
  const reply = await request(url, method, path, body)
  return [reply.status, reply.body.error]
}

test.each([
  ["bad JSON", "POST", "/check", "{", /not JSON/],
  ["no object", "POST", "/check", "[]", /object/],
  ["a missing key", "POST", "/check", {}, /key is missing/],
  ["an empty key", "POST", "/check", { key: "" }, /1 to 256/],
  ["a long key", "POST", "/check", { key: "k".repeat(257) }, /1 to 256/],
  ["a key that is no string", "POST", "/check", { key: 7 }, /not a string/],
  ["an unprintable key", "POST", "/check", { key: "a\u0000b" }, /unprintable/],
  ["half a character", "POST", "/check", '{"key": "\\ud800"}', /unprintable/],
  ["a cost of nothing", "POST", "/check", { key: "k", cost: 0 }, /cost must be/],
  ["half a cost", "POST", "/check", { key: "k", cost: 0.5 }, /whole number/],
  ["a misspelt field", "POST", "/check", { key: "k", cots: 2 }, /did you mean "cost"/],
  ["a limit below nothing", "PUT", "/limits", { prefix: "p", max: -1, window_ms: 1 }, /max must be/],
  ["a limit without a window", "PUT", "/limits", { prefix: "p", max: 1 }, /window_ms is missing/],
  ["a block without a reason", "POST", "/blocks", { key: "k", duration_ms: 5 }, /reason is missing/],
  ["a page of nothing", "GET", "/counters?limit=0", undefined, /limit must be/],
  ["a page of many", "GET", "/counters?limit=many", undefined, /whole number/],
  ["a misspelt parameter", "GET", "/counters?prefx=a", undefined, /did you mean "prefix"/],
  ["a broken escape", "GET", "/counters/%zz", undefined, /not a valid part/],
  ["no key to unblock", "DELETE", "/blocks", undefined, /key is missing/],
])("%s is answered with 400 and says why", async (_, method, path, body, reason) => {
  expect(await refused(method, path, body)).toEqual([400, expect.stringMatching(reason)])
})

test("an unknown path is 404; a known one with another method 405, with those that it takes", async () => {
  expect(await refused("GET", "/limit")).toEqual([404, "there is no /limit"])
  expect(await refused("DELETE", "/check")).toEqual([405, "/check does not take DELETE"])
  expect((await request(url, "POST", "/limits", {})).headers.get("allow")).toBe("GET, PUT, DELETE")
})

test("a client of HTTP/1.0 is answered, which says no host", async () => {
  const { hostname, port } = new URL(url)
  const answer = Promise.withResolvers<string>()
  const socket = {
    data: (_: unknown, data: Buffer) => answer.resolve(data.toString()),
    close: () => answer.resolve(""),
  }
  const connection = await Bun.connect({ hostname, port: Number(port), socket })
  connection.write("GET /limits HTTP/1.0\r\n\r\n")
  expect(await answer.promise).toMatch(/^HTTP\/1\.[01] 200 /)
  connection.end()
})

test("a huge body is refused with 413 before it is read, whether it says its size or not", async () => {
  const huge = JSON.stringify({ key: "k".repeat(5_000_000) })
  expect(await refused("POST", "/check", huge)).toEqual([413, expect.stringContaining("larger than")])

  let sent = 0
  const endless = new ReadableStream({
    pull: (controller) => {
      sent++
      controller.enqueue(new Uint8Array(8_192))
    },
  })
  const reply = await fetch(`${url}/check`, { method: "POST", body: endless })
  expect(reply.status).toBe(413)
  expect(sent).toBeLessThan(10_000)
})

test("a client that goes away in the middle of its body is no error of the node's", async () => {
  const node = await cluster.start("b")
  const { hostname, port } = new URL(node.url)
  const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } })
  socket.write('POST /check HTTP/1.1\r\nHost: b\r\nContent-Length: 100\r\n\r\n{"key"')
  expect((await check(node.url, "k")).status).toBe(200)
  socket.terminate()
  expect((await check(node.url, "k")).status).toBe(200)
  node.process.kill("SIGTERM")
  expect(await node.process.stdout.text()).not.toContain("internal_error")
})

test.each([
  ["no command", []],
  ["an unknown command", ["serv"]],
  ["a missing flag", ["serve", "--name", "x"]],
  ["an unknown flag", ["status", "--url", "http://x", "--colour", "red"]],
  ["a flag without a value", ["status", "--url"]],
  ["a stray word", ["status", "--url", "http://x", "now"]],
  ["a port that is none", ["serve", "--name", "x", "--store", "s", "--port", "70000"]],
  ["a URL that is none", ["drift", "--url", "localhost", "--store", "s"]],
  ["a number that is none", ["ghost", "--urls", "http://x", "--max", "five"]],
])("%s on the command line is exit code 2 with a message, and nothing on stdout", async (_, args) => {
  const { code, stdout, stderr } = await run(...args)
  expect([code, stdout]).toEqual([2, ""])
  expect(stderr).toMatch(/^ratelimiter: ./)
})

test("help is on stdout and needs nothing else", async () => {
  const { code, stdout, stderr } = await run("--help")
  expect([code, stderr]).toEqual([0, ""])
  expect(stdout).toContain("serve    --name NAME")
})
