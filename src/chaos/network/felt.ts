import { help, type Incarnation } from "../../lab/platforms/docker/helper.ts"

/** What one node feels of the way to another and back. */
export interface Felt {
  sent: number
  lost: number
  /** The median; null when nothing came back. */
  rtt_ms: number | null
}

/** From one node to the address of another. */
export interface Pair {
  from: Incarnation
  to: string
  /** Whose address that is. */
  at: Incarnation
}

export interface Echo {
  requests?: number
  size_bytes?: number
  /** How much longer than usual an answer may take. */
  extra_ms?: number
  /** One more goes ahead and is not waited for: what may pass at once has passed by then. */
  after_one?: boolean
}

/** Sends echo requests from beside one node to another, which needs not take part. */
export async function feel(lab: string, { from, to }: Pair, echo: Echo = {}): Promise<Felt> {
  const { requests = REQUESTS, size_bytes = SIZE_BYTES, extra_ms = 0, after_one = false } = echo
  const ping = (count: number, wait_s: number) =>
    `ping -n -c ${count} -i ${EVERY_S} -W ${wait_s} -s ${size_bytes} ${to}`
  const ahead = after_one ? `${ping(1, EVERY_S)} >/dev/null; ` : ""
  const script = `${ahead}${ping(requests, (WAIT_MS + extra_ms) / 1000)}; true`
  const stdout = await run(lab, from, script, extra_ms)
  return feltFrom(
    requests,
    [...stdout.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time)),
  )
}

/** Connects from beside one node to another, where a listener of ours takes what comes for a moment. */
export async function feelConnections(lab: string, { from, to, at }: Pair): Promise<Felt> {
  const port = Number(await run(lab, at, LISTEN))
  const stdout = await run(lab, from, `python3 - ${to} ${port} ${REQUESTS} ${CONNECT_S} <<'PYTHON'\n${CONNECT}\nPYTHON`)
  return feltFrom(
    REQUESTS,
    [...stdout.matchAll(/^took ([\d.]+)$/gm)].map(([, time]) => Number(time)),
  )
}

/** Asks the engine's own DNS from beside a node for the name of another, which stands in the place of its address. */
export async function feelNames(lab: string, { from, to }: Pair): Promise<Felt> {
  const script = `timeout ${LOOKUP_S} dig @${DNS_ADDRESS} +tries=1 +noall +answer +stats ${to} A; true`
  const stdout = await run(lab, from, script)
  const [, time] = /\sA\s[\s\S]*Query time: (\d+) msec/.exec(stdout) ?? []
  return feltFrom(1, time === undefined ? [] : [Number(time)])
}

/** Where the engine answers for names, in the network of each container. */
export const DNS_ADDRESS = "127.0.0.11"

/** In words: "3 of 4 lost, 0.2 ms". */
export function showFelt({ sent, lost, rtt_ms }: Felt): string {
  const time = rtt_ms === null ? "" : `, ${rtt_ms < 10 ? rtt_ms.toFixed(1) : Math.round(rtt_ms)} ms`
  return `${lost === 0 ? "none" : `${lost} of ${sent}`} lost${time}`
}

// internal

const REQUESTS = 4
const EVERY_S = 0.02
/** What ping sends unless it is told otherwise. */
const SIZE_BYTES = 56
/** After the last request. */
const WAIT_MS = 400
const CONNECT_S = 2
const LOOKUP_S = 0.7
const TIMEOUT_MS = 10_000

/** Says its port, and goes by itself soon after. */
const LISTEN = `python3 - <<'PYTHON'
import os, signal, socket
listener = socket.create_server(("0.0.0.0", 0))
print(listener.getsockname()[1], flush=True)
if os.fork():
    os._exit(0)
os.setsid()
nowhere = os.open(os.devnull, os.O_RDWR)
for descriptor in range(3):
    os.dup2(nowhere, descriptor)
signal.alarm(15)
while True:
    connection, _ = listener.accept()
    connection.sendall(b"\\n")
    connection.close()
PYTHON`

/** Says of each connection that was taken how long it took: ADDRESS PORT TIMES WAIT_S. */
const CONNECT = `
import socket, sys, time
address, port, times, wait_s = sys.argv[1], *map(int, sys.argv[2:])
for _ in range(times):
    start = time.monotonic()
    try:
        with socket.create_connection((address, port), timeout=wait_s) as connection:
            if connection.recv(1):
                print("took", round((time.monotonic() - start) * 1000, 1))
    except OSError:
        pass`

function feltFrom(sent: number, came_ms: readonly number[]): Felt {
  const times_ms = came_ms.toSorted((a, b) => a - b)
  return { sent, lost: sent - times_ms.length, rtt_ms: times_ms[times_ms.length >> 1] ?? null }
}

async function run(lab: string, beside: Incarnation, script: string, extra_ms = 0): Promise<string> {
  const timeout_ms = TIMEOUT_MS + 2 * extra_ms
  return (await help(lab, beside, script, { share: "network", timeout_ms })).stdout
}
