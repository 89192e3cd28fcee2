import type { Incarnation } from "../../lab/platforms/docker/helper.ts"
import program from "./delay.py" with { type: "text" }
import type { Mechanism } from "./mechanism.ts"
import { RULES, type Ruled } from "./rules.ts"
import { SHAPE, type Shaped } from "./shape.ts"

/** Each packet from a node to some addresses leaves it later, by a time drawn evenly from a range; what comes in does not wait. */
export interface Delayed {
  node: Incarnation
  chain: string
  handle: string
  /** Addresses of peers. */
  to: string[]
  low_ms: number
  high_ms: number
}

/**
 * Where the kernel has netem, by that. Otherwise, and where the interface is shaped already, packets wait in a queue of the kernel's for a
 * program in the helper, which lets each go on when its time has come: the same place, the same time, the same reordering, whatever the
 * protocol, and connections that are open already. When that program dies, packets are dropped until the rules are gone.
 */
export const DELAY: Mechanism<Delayed> = {
  apply: (delayed) => `( ${SHAPE.apply(shapedBy(delayed))} ) >/dev/null 2>&1 || (
    ${startOf(delayed)}
    ${RULES.apply(ruledBy(delayed))}
    )`,
  // The rules first: without them nothing waits, and what does is let go on when the program is told to end.
  remove: (delayed) => `${RULES.remove(ruledBy(delayed))}
    ${isRunning(delayed)} && kill "$(cat ${pidFile(delayed)})"
    rm -f ${pidFile(delayed)}
    ${SHAPE.remove(shapedBy(delayed))}`,
  see: (delayed) => `seen=$(${SHAPE.see(shapedBy(delayed))})
    if [ -n "$seen" ]; then echo "$seen"; echo by netem; fi
    seen=$(${RULES.see(ruledBy(delayed))})
    if [ -n "$seen" ]; then
      echo "$seen"; ${isRunning(delayed)} && echo by a queue || echo by a queue without its program: packets are dropped
    fi`,
  show: (delayed) => {
    const [shaped, ruled] = [SHAPE.show(shapedBy(delayed)), RULES.show(ruledBy(delayed))]
    return {
      inject: [...shaped.inject, ...ruled.inject.map((line) => `without netem: ${line}, and a program that lets go`)],
      undo: [...shaped.undo, ...ruled.undo.map((line) => `without netem: ${line}`)],
    }
  },
}

// internal

/** Of packets, at what delays and loads labs have; netem's own limit would be a thousand. */
const MAX_PACKETS = 10_000

function shapedBy({ node, handle, to, low_ms, high_ms }: Delayed): Shaped {
  const [delay_ms, jitter_ms] = [(low_ms + high_ms) / 2, (high_ms - low_ms) / 2]
  const time = `${delay_ms}ms${jitter_ms > 0 ? ` ${jitter_ms}ms` : ""}`
  return { node, handle, to, rate: "rate 10gbit", queue: `netem delay ${time} limit ${MAX_PACKETS}` }
}

/** In a table of its own, so that rules of others still meet what has waited. */
function ruledBy({ node, chain, handle, to }: Delayed): Ruled {
  const queue = Number.parseInt(handle, 16)
  const out = to.map((address) => `-d ${address} -j NFQUEUE --queue-num ${queue}`)
  return { node, chain, table: "mangle", rules: { in: [], out } }
}

function startOf(delayed: Delayed): string {
  const { handle, low_ms, high_ms } = delayed
  const words = [Number.parseInt(handle, 16), low_ms, high_ms, pidFile(delayed)]
  return `${isRunning(delayed)} || python3 - ${words.join(" ")} <<'PYTHON' || exit 1\n${program}\nPYTHON`
}

/** In the helper, of which each life of a node has one. */
function pidFile({ chain }: Delayed): string {
  return `/run/${chain}.pid`
}

function isRunning(delayed: Delayed): string {
  return `kill -0 "$(cat ${pidFile(delayed)} 2>/dev/null)" 2>/dev/null`
}
