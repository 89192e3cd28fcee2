import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Home, makeHome } from "./support/operator.ts"

setDefaultTimeout(60_000)

let home: Home
beforeAll(() => {
  home = makeHome()
})
afterAll(() => home.remove())

const FIRING = {
  version: "4",
  alerts: [
    {
      ...{ status: "firing", fingerprint: "c7a0d5", startsAt: "2026-01-01T12:00:00Z", endsAt: "0001-01-01T00:00:00Z" },
      labels: { alertname: "DiskFull", instance: "limiter-a:8080", severity: "warning" },
      annotations: { summary: "The disk is full" },
    },
  ],
}

test("operator monitor takes Alertmanager's webhooks, at a port that it names", async () => {
  const up = await home.run("up", "ratelimiter", "--json")
  expect(up).toMatchObject({ exit_code: 0 })
  const { lab } = JSON.parse(up.stdout) as { lab: string }
  writeFileSync(join(home.dir, "secret"), "open sesame\n")
  const at = ["--alertmanager", "127.0.0.1:0", "--alertmanager-secret-file", "secret"]
  const monitor = home.start("monitor", lab, "--json", ...at)
  const url = await said(monitor.stderr, /webhooks at (http:\S+)/)
  const post = (secret: string) =>
    fetch(url, { method: "POST", body: JSON.stringify(FIRING), headers: { authorization: `Bearer ${secret}` } })
  expect((await post("guessed")).status).toBe(401)
  expect((await post("open sesame")).status).toBe(200)
  const line = await said(monitor.stdout, /^(.*"invariant":"DiskFull".*)$/m)
  expect(JSON.parse(line)).toMatchObject({ node: "limiter-a c7a0d5", status: "violated", reason: "The disk is full" })
  monitor.kill("SIGINT")
  expect(await monitor.exited).toBe(130)
  expect((await home.run("tickets", "list", "--json")).stdout).toContain("DiskFull")
})

test("what is asked of Alertmanager's webhooks is refused when it cannot be had", async () => {
  const refused = async (...words: string[]) => {
    const { exit_code, stderr } = await home.run("monitor", "ratelimiter-0000", ...words)
    return [exit_code, stderr.split("\n")[0]]
  }
  expect(await refused("--alertmanager", "127.0.0.1:0")).toEqual([
    2,
    "operator: --alertmanager needs a secret that only Alertmanager knows",
  ])
  expect(await refused("--alertmanager", "0.0.0.0:9094")).toEqual([
    2,
    "operator: --alertmanager 0.0.0.0:9094: not an address on this machine's loopback",
  ])
  expect((await refused("--alertmanager", "127.0.0.1:70000"))[0]).toBe(2)
  expect(await refused("--alertmanager", "127.0.0.1:0", "--alertmanager-secret-file", "none")).toEqual([
    2,
    "operator: --alertmanager-secret-file none cannot be read (ENOENT)",
  ])
  expect(await refused("--alertmanager-secret-file", "none")).toEqual([
    2,
    "operator: --alertmanager-secret-file says nothing without --alertmanager",
  ])
})

// internal

/** What a pattern finds in what a process prints. */
async function said(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  let text = ""
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    const found = pattern.exec(text)?.[1]
    if (found !== undefined) return found
  }
  throw new Error(`the process ended and had printed: ${text}`)
}
