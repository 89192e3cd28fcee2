import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { observations, type Watched, watching } from "../../test/support/watching.ts"
import { listTickets } from "../store/tickets.ts"
import { serveAlertmanager } from "./alertmanager.ts"
import { DISORDER_MS, type Episode, hearAlert } from "./alertmanager-episodes.ts"
import { alertmanagerInbox, MAX_FIRING } from "./alertmanager-inbox.ts"
import { startMonitor } from "./watch.ts"

setDefaultTimeout(30_000)

const NEVER = "0001-01-01T00:00:00Z"
const SECRET = "open sesame"

const time = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString()

/** An alert as Alertmanager writes it. */
function alert(status: "firing" | "resolved", { from = 0, to = 5, fingerprint = "c7a0d5", labels = {}, ...more } = {}) {
  return {
    status,
    labels: { alertname: "DiskFull", instance: "a:9100", severity: "page", ...labels },
    annotations: { summary: "The disk of a is full" },
    startsAt: time(from),
    endsAt: status === "firing" ? NEVER : time(to),
    generatorURL: "http://prometheus/graph",
    fingerprint,
    ...more,
  }
}

const message = (...alerts: object[]) => ({
  version: "4",
  groupKey: '{}:{alertname="DiskFull"}',
  truncatedAlerts: 0,
  status: "firing",
  receiver: "operator",
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "http://alertmanager:9093",
  alerts,
})

interface Listening extends Watched {
  url: string
  post(body: unknown, headers?: Record<string, string>): Promise<number>
  says(...alerts: object[]): Promise<number>
}

async function listening(block: Record<string, unknown> = {}): Promise<Listening> {
  const lab = await watching({ invariants: [], ...block })
  const server = serveAlertmanager(alertmanagerInbox(lab.store, lab.lab, lab.monitor), { port: 0, secret: SECRET })
  const post = async (body: unknown, headers: Record<string, string> = { authorization: `Bearer ${SECRET}` }) => {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    return (await fetch(server.url, { method: "POST", body: text, headers })).status
  }
  const end = async () => {
    await server.stop()
    await lab[Symbol.asyncDispose]()
  }
  const says = (...alerts: object[]) => post(message(...alerts))
  return { ...lab, url: server.url, post, says, [Symbol.asyncDispose]: end }
}

const states = (lab: Watched) =>
  listTickets(lab.store, { lab: lab.lab.id }).map(({ invariant, node, state }) => [invariant, node, state])

describe("Alertmanager's word", () => {
  test("opens a ticket when an alert fires, and resolves it when it does not any more", async () => {
    await using lab = await listening()
    expect(await lab.says(alert("firing"))).toBe(200)
    expect(states(lab)).toEqual([["DiskFull", "a c7a0d5", "open"]])
    expect(listTickets(lab.store)[0]).toMatchObject({
      role: "notice",
      severity: "critical",
      kind: "violated",
      observation: { reason: "The disk of a is full", value: { starts_at: time(0) } },
    })
    expect(await lab.says(alert("resolved"))).toBe(200)
    expect(states(lab)).toEqual([["DiskFull", "a c7a0d5", "resolved"]])
    expect(observations(lab, "DiskFull", "a c7a0d5")).toEqual(["violated", "ok"])
  })

  test("makes a ticket for each fingerprint, also of one node", async () => {
    await using lab = await listening()
    await lab.says(alert("firing"), alert("firing", { fingerprint: "d8", labels: { device: "sdb" } }))
    await lab.says(alert("resolved", { fingerprint: "d8" }))
    expect(states(lab)).toEqual([
      ["DiskFull", "a c7a0d5", "open"],
      ["DiskFull", "a d8", "resolved"],
    ])
  })

  test("counts once, however often and in whatever order it comes", async () => {
    await using lab = await listening()
    await lab.says(alert("firing"))
    await lab.says(alert("firing"))
    await lab.says(alert("resolved"))
    await lab.says(alert("resolved"))
    await lab.says(alert("firing"))
    expect(observations(lab, "DiskFull", "a c7a0d5")).toEqual(["violated", "ok"])
    await lab.says(alert("firing", { from: 7 }))
    await lab.says(alert("resolved"))
    expect(states(lab)).toEqual([["DiskFull", "a c7a0d5", "open"]])
    await lab.says(alert("resolved", { from: 7, to: 9 }))
    expect(states(lab)).toEqual([["DiskFull", "a c7a0d5", "resolved"]])
  })

  test("resolves only what it has opened", async () => {
    await using prometheus = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response("", { status: 500 }),
    })
    const invariants = [{ name: "DiskFull", alert: "disk > 1" }]
    await using lab = await listening({ prometheus: `${prometheus.url}`, invariants })
    await lab.says(alert("resolved"))
    expect(states(lab)).toEqual([])
    await lab.says(alert("firing", { from: 6 }))
    expect(states(lab)).toEqual([["DiskFull_alertmanager", "a c7a0d5", "open"]])
    await lab.says(alert("resolved", { from: 6, to: 7 }))
    expect(states(lab)).toEqual([["DiskFull_alertmanager", "a c7a0d5", "resolved"]])
  })

  test("is understood by the next monitor, too", async () => {
    await using lab = await listening()
    await lab.says(alert("firing"))
    await lab.monitor.stop()
    expect(await lab.says(alert("resolved"))).toBe(503)
    const next = await startMonitor(lab.store, lab.lab, { interval_ms: 50 })
    const server = serveAlertmanager(alertmanagerInbox(lab.store, lab.lab, next), { port: 0, secret: SECRET })
    const headers = { authorization: `Bearer ${SECRET}` }
    const body = JSON.stringify(message(alert("resolved")))
    expect((await fetch(server.url, { method: "POST", headers, body })).status).toBe(200)
    expect(states(lab)).toEqual([["DiskFull", "a c7a0d5", "resolved"]])
    await server.stop()
    await next.stop()
  })

  test("is refused without the secret, and when it is not a webhook of version 4", async () => {
    await using lab = await listening()
    expect(await lab.post(message(alert("firing")), {})).toBe(401)
    expect(await lab.post(message(alert("firing")), { authorization: "Bearer open" })).toBe(401)
    expect(await lab.post("{")).toBe(400)
    expect(await lab.post("null")).toBe(400)
    expect(await lab.post({ ...message(alert("firing")), version: "3" })).toBe(400)
    expect(await lab.says({ ...alert("firing"), status: "burning" })).toBe(400)
    expect(await lab.says({ ...alert("firing"), startsAt: "yesterday" })).toBe(400)
    expect(await lab.says(alert("firing", { fingerprint: "a b" }))).toBe(400)
    expect(await lab.says(...Array<object>(1_001).fill(alert("firing")))).toBe(400)
    expect(await lab.post(" ".repeat(1024 * 1024 + 1))).toBe(413)
    const get = await fetch(lab.url, { headers: { authorization: `Bearer ${SECRET}` } })
    expect(get.status).toBe(405)
    expect(states(lab)).toEqual([])
  })

  test("is too much when more alerts fire than anybody can work on", async () => {
    await using lab = await listening()
    const many = Array.from({ length: MAX_FIRING }, (_, n) => alert("firing", { fingerprint: `f${n}` }))
    expect(await lab.says(...many)).toBe(200)
    expect(await lab.says(alert("firing", { fingerprint: "more" }))).toBe(429)
    expect(await lab.says(alert("resolved", { fingerprint: "f7" }))).toBe(200)
    expect(await lab.says(alert("firing", { fingerprint: "more" }))).toBe(200)
    expect(listTickets(lab.store, { states: ["open"] })).toHaveLength(MAX_FIRING)
  })
})

describe("an alert that is over", () => {
  const firing = (startsAt: number) => ({ status: "firing" as const, startsAt, endsAt: 0 })
  const over: Episode = { starts_ms: 1_000, ended: { at_ms: 5_000, heard_ms: 100 } }

  test("does not fire again by a word that is late", () => {
    expect(hearAlert(over, firing(1_000), 100 + DISORDER_MS - 1)).toEqual({ says: undefined, episode: over })
  })

  test("fires again when it begins anew, and when it is still said to fire much later", () => {
    expect(hearAlert(over, firing(5_000), 101).says).toBe("violated")
    expect(hearAlert(over, firing(1_000), 100 + DISORDER_MS).says).toBe("violated")
  })
})
