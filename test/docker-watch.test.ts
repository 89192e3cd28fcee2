import { afterAll, beforeAll, beforeEach, describe, expect } from "bun:test"
import { waitUntil } from "../src/lib/clock.ts"
import { type Monitor, startMonitor } from "../src/monitor/watch.ts"
import { events, firstBreak } from "../src/store/events.ts"
import { createLab } from "../src/store/labs.ts"
import { keepText } from "../src/store/texts.ts"
import { listTickets } from "../src/store/tickets.ts"
import { cuttable } from "./support/cuttable.ts"
import { dockerTest, IMAGE, type TinyLab, tinyLab } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { type StoredLab, storedLab } from "./support/stored-lab.ts"

/** A Compose file that says nothing of operator: one service can be made ill, the other ends as it is told and is started again. */
const FILE = `services:
  checked:
    image: ${IMAGE}
    command: [sleep, "600"]
    stop_signal: SIGKILL
    healthcheck:
      test: "test ! -e /ill || { echo it is ill; exit 1; }"
      interval: 200ms
      retries: 1
      timeout: 10s
      start_period: 2s # So long a check that fails has not passed yet.
  doomed:
    image: ${IMAGE}
    restart: always
    mem_limit: 32m
    command: [sh, -c, "until [ -e /end ]; do sleep 0.05; done; . /end"]
`

const TIMEOUT_MS = 60_000
const UNKNOWN_AFTER_MS = 1_500

/** Without waiting for it in this process, where the monitor runs. */
const docker = (...words: string[]) => Bun.spawn(["docker", ...words], { stdout: "ignore", stderr: "ignore" }).exited
const seen = async (condition: () => boolean) =>
  expect(await waitUntil(condition, { timeout_ms: 20_000, every_ms: 10 })).toBe(true)

describe("a monitor of containers", () => {
  let way: Awaited<ReturnType<typeof cuttable>>
  let tiny: TinyLab
  let stored: StoredLab
  let monitor: Monitor
  const name = (service: string) => `${tiny.lab.id}-${service}-1`
  const inside = (service: string, command: string) => docker("exec", name(service), "sh", "-c", command)
  let from = 0
  /** What was observed in this test, as "ok" or "violated: why", but for moments at which this process was late itself. */
  const observed = (invariant: string, service: string) =>
    events(stored.store, tiny.lab.id, { after: from, kinds: ["observation"] })
      .filter(({ body }) => body.invariant === invariant && body.node === name(service))
      .map(({ body }) => (body.reason === null ? body.status : `${body.status}: ${body.reason}`))
      .filter((one) => !one.includes("the monitor's own host was"))
      .filter((one, index, all) => one !== all[index - 1])
  const told = () => events(stored.store, tiny.lab.id, { after: from, kinds: ["node"] }).map(({ body }) => body)
  const tickets = (invariant: string, service: string) =>
    listTickets(stored.store, { lab: tiny.lab.id })
      .filter((ticket) => ticket.invariant === invariant && ticket.node === name(service))
      .map(({ kind, state }) => `${kind} ${state}`)
  const well = () => seen(() => monitor.holdsSince() !== undefined)

  beforeAll(async () => {
    if (WITHOUT_ENGINE) return
    way = await cuttable()
    tiny = await tinyLab(FILE, `unix://${way.socket}`)
    stored = storedLab()
    const { id, dir } = tiny.lab
    const subject_text = keepText(stored.store, "subject", "tiny.yaml", FILE)
    const deadline_at = new Date(Date.now() + 600_000).toISOString()
    createLab(stored.store, { id, dir, subject: "tiny", subject_text, platform: "docker", trial: null, deadline_at })
    monitor = await startMonitor(stored.store, tiny.lab, { unknown_after_ms: UNKNOWN_AFTER_MS })
  }, TIMEOUT_MS)
  beforeEach(async () => {
    if (WITHOUT_ENGINE) return
    await well()
    from = events(stored.store, tiny.lab.id).at(-1)!.seq
  }, TIMEOUT_MS)
  afterAll(async () => {
    if (WITHOUT_ENGINE) return
    await monitor.stop()
    expect(firstBreak(stored.store, tiny.lab.id)).toBeUndefined()
    stored[Symbol.dispose]()
    await tiny[Symbol.asyncDispose]()
    await way[Symbol.asyncDispose]()
  })

  dockerTest("has their health checks as gates, where the file declares none", async () => {
    await inside("checked", "touch /ill")
    await seen(() => tickets("node_healthy", "checked").includes("violated open"))
    expect(monitor.failing()).toContain(`node_healthy ${name("checked")}`)
    // A check that has yet to pass or fail settles nothing.
    await docker("restart", name("checked"))
    await seen(() => told().some(({ health }) => health === "starting"))
    await seen(() => told().at(-1)?.health === "unhealthy")
    expect(observed("node_healthy", "checked")).not.toContain("ok")
    expect(tickets("node_healthy", "checked")).toContain("violated open")
    await inside("checked", "rm /ill")
    await seen(() => tickets("node_healthy", "checked").includes("violated resolved"))
    await well()
    expect(observed("node_healthy", "checked")[0]).toBe("violated: its health check fails: it is ill")
    expect(observed("node_healthy", "doomed")).toEqual([])
  })

  dockerTest("sees a death that a restart policy undoes at once, and how it came", async () => {
    await inside("doomed", "echo 'rm /end; exit 7' >/end")
    await seen(() => tickets("node_running", "doomed").includes("violated resolved"))
    expect(observed("node_running", "doomed")).toEqual(["violated: the node is exited: code 7", "ok"])
  })

  dockerTest("names a death for want of memory", async () => {
    await inside("doomed", "echo 'rm /end; exec tail /dev/zero' >/end")
    await seen(() => observed("node_running", "doomed").at(-1) === "ok")
    expect(observed("node_running", "doomed")).toEqual(["violated: the node is exited: killed for memory", "ok"])
    expect(told().map(({ ended }) => ended)).toContain("killed for memory")
  })

  dockerTest("can say nothing of them while the engine is away, and then sees what has changed", async () => {
    way.cut()
    await docker("kill", name("checked"))
    await seen(() => tickets("node_running", "checked").includes("unknown open"))
    await seen(() => tickets("node_running", "doomed").includes("unknown open"))
    for (const service of ["checked", "doomed"])
      expect(observed("node_running", service)).toEqual([
        expect.stringMatching(/^unknown: no Docker engine answers at /),
      ])
    way.mend()
    await seen(() => observed("node_running", "checked").at(-1) === "violated: the node is exited: code 137")
    await seen(() => observed("node_running", "doomed").at(-1) === "ok")
    expect(tickets("node_running", "checked").filter((ticket) => ticket.startsWith("unknown"))).toEqual([
      "unknown resolved",
    ])
    await tiny.lab.start("checked")
  })
})
