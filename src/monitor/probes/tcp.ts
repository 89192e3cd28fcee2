import { connect } from "node:net"
import type { Lab } from "../../lab/lab.ts"
import type { ProbeOptions, ProbeResult } from "./answer.ts"
import { withDeadline } from "./deadline.ts"
import { connectionFailure } from "./failure.ts"

/** Whether `host:port` takes a connection. Nothing is sent. */
export async function tcpProbe(lab: Lab, address: string, options: ProbeOptions): Promise<ProbeResult> {
  const { timeout_ms, signal } = options
  const url = `tcp://${lab.render(address, options.values).replace(/^tcp:\/\//, "")}`
  const target = lab.resolve(url)
  if (target === undefined) return { kind: "silent", reason: `${new URL(url).hostname} is not running` }
  return withDeadline({ timeout_ms, signal }, async (deadline) => {
    const start_ms = performance.now()
    try {
      await connected(target, deadline.signal)
      return { kind: "answer", value: { duration_ms: performance.now() - start_ms } }
    } catch (error) {
      if (deadline.expired()) return { kind: "silent", reason: `no connection within ${timeout_ms} ms` }
      if (signal.aborted) return { kind: "blind", reason: "the probe was stopped" }
      return connectionFailure(error)
    }
  })
}

// internal

/** Resolves once connected, and hangs up; rejects with what the system says, or when the signal aborts. */
async function connected(target: string, signal: AbortSignal): Promise<void> {
  const { hostname, port } = new URL(target)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) })
  const aborted = () => reject(new Error("aborted"))
  socket.once("connect", resolve)
  // Stays until the socket is gone: an error that follows the hang-up is nobody's concern, and must not end the process.
  socket.on("error", reject)
  signal.addEventListener("abort", aborted, { once: true })
  if (signal.aborted) aborted()
  try {
    await promise
  } finally {
    signal.removeEventListener("abort", aborted)
    socket.destroy()
  }
}
