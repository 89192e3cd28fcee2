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
}

/** Sends echo requests from beside one node to another, which needs not take part. */
export async function feel(lab: string, { from, to }: Pair, requests = REQUESTS): Promise<Felt> {
  const script = `ping -n -c ${requests} -i ${EVERY_S} -W ${WAIT_S} ${to}; true`
  const { stdout } = await help(lab, from, script, { share: "network", timeout_ms: TIMEOUT_MS })
  const times_ms = [...stdout.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time)).sort((a, b) => a - b)
  return { sent: requests, lost: requests - times_ms.length, rtt_ms: times_ms[times_ms.length >> 1] ?? null }
}

/** In words: "3 of 4 lost, 0.2 ms". */
export function showFelt({ sent, lost, rtt_ms }: Felt): string {
  const time = rtt_ms === null ? "" : `, ${rtt_ms < 10 ? rtt_ms.toFixed(1) : Math.round(rtt_ms)} ms`
  return `${lost === 0 ? "none" : `${lost} of ${sent}`} lost${time}`
}

// internal

const REQUESTS = 4
const EVERY_S = 0.02
/** After the last request. */
const WAIT_S = 0.4
const TIMEOUT_MS = 10_000
