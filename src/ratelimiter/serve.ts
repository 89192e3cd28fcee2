import { renameSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { type Clock, systemClock, within } from "../lib/clock.ts"
import { EnvironmentError, messageOf } from "../lib/errors.ts"
import { RecentDurations } from "./durations.ts"
import { pruneRegularly } from "./housekeeping.ts"
import { type Log, lineLog } from "./log.ts"
import { nodeMetrics } from "./metrics.ts"
import { openStore, type Place, shownPlace } from "./open.ts"
import { Registration } from "./registry.ts"
import type { Call } from "./routes.ts"
import { listen } from "./server.ts"

/** Requests in flight at the end get this long. None of them may take longer than the store's patience. */
const DRAIN_MS = 450
/** Addresses that mean "every interface", under which nobody can be reached. */
const EVERY_INTERFACE = ["0.0.0.0", "::"]

export interface ServeOptions {
  name: string
  store: Place
  host: string
  /** 0 lets the kernel choose. */
  port: number
  /** Where the port is written once the node listens, and is in the registry if the store can be reached. */
  port_file?: string | undefined
}

/** Runs one node until SIGTERM or SIGINT, and ends within a second of it. */
export async function serve(options: ServeOptions): Promise<void> {
  const clock = systemClock
  const log = lineLog(options.name, clock.now)
  const metrics = nodeMetrics(clock.now())
  const store = await openStore(options.store, { clock, onCall: metrics.storeCalled })
  const stop = new AbortController()
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort())

  const node = { name: options.name, pid: process.pid, started_at_ms: clock.now().getTime() }
  const server = listenAt(options, { node, store, clock, checks: new RecentDurations(), metrics, log })
  const url = urlOf(server, options.host)
  const registration = new Registration(store, { ...node, url }, { log, onBeat: () => metrics.beat(clock.now()) })
  const background = { clock, log, signal: stop.signal }
  try {
    await registration.beat()
    if (options.port_file !== undefined) writeAtomically(options.port_file, `${server.port}\n`)
    log("started", { url, pid: process.pid, store: shownPlace(options.store) })
    await Promise.all([
      registration.keep(background),
      pruneRegularly(store, background),
      drainAtTheEnd(server, background),
    ])
    log("stopped")
  } finally {
    stop.abort()
    await server.stop(true)
    store.close()
  }
}

// internal

function listenAt(options: ServeOptions, node: Omit<Call, "request" | "url">): Bun.Server<undefined> {
  try {
    return listen({ hostname: options.host, port: options.port }, node)
  } catch (cause) {
    throw new EnvironmentError(`cannot listen at ${options.host}:${options.port}: ${messageOf(cause)}`, { cause })
  }
}

function urlOf(server: Bun.Server<undefined>, host: string): string {
  const reachable = EVERY_INTERFACE.includes(host) ? hostname() : host
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${server.port}`
}

/** Waits for the signal, then lets requests in flight finish. Whatever takes longer is cut off by the caller. */
async function drainAtTheEnd(
  server: Bun.Server<undefined>,
  { clock, log, signal }: { clock: Clock; log: Log; signal: AbortSignal },
): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
  log("stopping")
  await within(server.stop(false), { timeout_ms: DRAIN_MS, clock })
}

/** Whoever sees the file sees all of it. */
function writeAtomically(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, content)
    renameSync(temporary, file)
  } catch (cause) {
    throw new EnvironmentError(`cannot write ${file}: ${messageOf(cause)}`, { cause })
  }
}
