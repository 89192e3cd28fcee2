import { networkInterfaces } from "node:os"
import { within } from "./clock.ts"
import { EnvironmentError } from "./errors.ts"
import { note } from "./output.ts"

/** What a network namespace of its own lacks at first, as `unshare -n` makes it. */
const BRING_UP = "ip link set lo up"

/** A connection within one machine takes microseconds; a firewall that drops packets would never answer. */
const CONNECT_WITHIN_MS = 1_000

/** Why processes of this machine cannot reach each other, and what to do about it. */
export interface LoopbackTrouble {
  what: string
  mend: string
}

/**
 * Promises that the processes of a lab can reach each other at 127.0.0.1. A loopback interface that is down is brought up,
 * and stderr says so; where that is not allowed, an EnvironmentError names the command.
 */
export async function requireLoopback(): Promise<void> {
  const trouble = await loopbackTrouble()
  if (!trouble) return
  const left = !hasLoopback() && ran(BRING_UP) ? await loopbackTrouble() : trouble
  if (left) throw new EnvironmentError(left.what, { hint: left.mend })
  note(`the loopback interface was down, and has been brought up: ${BRING_UP}`)
}

/** What keeps a connection to 127.0.0.1 from coming through at this moment; undefined when it does. */
export async function loopbackTrouble(): Promise<LoopbackTrouble | undefined> {
  if (await answers()) return undefined
  if (!hasLoopback()) {
    return { what: "127.0.0.1 cannot be reached: the loopback interface is down", mend: `as root: ${BRING_UP}` }
  }
  return {
    what: "127.0.0.1 cannot be reached, although the loopback interface is up",
    mend: "let the firewall accept what comes from lo: iptables -I INPUT -i lo -j ACCEPT",
  }
}

// internal

async function answers(): Promise<boolean> {
  const socket = { data: () => undefined }
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket })
  const connected = Bun.connect({ hostname: "127.0.0.1", port: server.port, socket }).then(
    (connection) => connection.end() >= 0,
    () => false,
  )
  try {
    return (await within(connected, { timeout_ms: CONNECT_WITHIN_MS })) ?? false
  } finally {
    server.stop(true)
  }
}

/** An interface that is down has no address. */
function hasLoopback(): boolean {
  return Object.values(networkInterfaces()).some((found) => found?.some(({ address }) => address === "127.0.0.1"))
}

function ran(command: string): boolean {
  const [program = "", ...words] = command.split(" ")
  return Bun.which(program) !== null && Bun.spawnSync([program, ...words]).success
}
