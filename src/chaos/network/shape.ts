import type { Incarnation } from "../../lab/platforms/docker/helper.ts"
import { neutralName } from "../neutral-name.ts"
import type { Mechanism } from "./mechanism.ts"

/** What a node sends to some addresses goes through a queueing discipline, whose handle follows from the injection; the rest goes by it. */
export interface Shaped {
  node: Incarnation
  handle: string
  /** Addresses of peers. */
  to: string[]
  /** The class, as htb takes it: "rate 256kbit". */
  rate: string
  /** What is queued in it: "netem delay 100ms". */
  queue: string
}

/** The handle of an injection: neither one that people choose, which are short, nor one that the kernel does, which begin with 8. */
export function handleOf(injection: string): string {
  return (0x1000 + (Number.parseInt(neutralName(injection), 16) % 0x6000)).toString(16)
}

/** One graft at each interface by which the addresses are reached. An interface that somebody has shaped already is left as it is. */
export const SHAPE: Mechanism<Shaped> = {
  apply: ({ handle, to, rate, queue }) => `${removal(handle)}
    for to in ${to.join(" ")}; do
      at=$(ip -o -4 route get "$to" | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')
      if ! tc qdisc show dev "$at" root | grep -q '^qdisc htb ${handle}: '; then
        if tc qdisc show dev "$at" root | grep -vq ' 0: '; then
          echo "$at has a queueing discipline already, and two cannot be told apart" >&2; exit 1
        fi
        tc qdisc add dev "$at" root handle ${handle}: htb || exit 1
        tc class add dev "$at" parent ${handle}: classid ${handle}:2 htb ${rate} quantum 60000 &&
          tc qdisc add dev "$at" parent ${handle}:2 ${queue} || { ${removal(handle)}; exit 1; }
      fi
      tc filter add dev "$at" parent ${handle}: protocol ip prio 1 u32 match ip dst "$to"/32 flowid ${handle}:2 || exit 1
    done`,
  remove: ({ handle }) => removal(handle),
  see: ({ handle }) => `for at in ${interfaces(handle)}; do
      tc filter show dev "$at" parent ${handle}: | grep -q flowid && echo there
      tc -s class show dev "$at" | awk '/^class/ { own = $3 == "${handle}:2" } own && /Sent/ { print "hits", $4 }'
    done`,
  show: ({ handle, to, rate, queue }) => ({
    inject: [
      `tc qdisc add dev INTERFACE root handle ${handle}: htb`,
      `tc class add dev INTERFACE parent ${handle}: classid ${handle}:2 htb ${rate}`,
      `tc qdisc add dev INTERFACE parent ${handle}:2 ${queue}`,
      ...to.map((one) => `tc filter add dev INTERFACE parent ${handle}: u32 match ip dst ${one}/32 flowid ${handle}:2`),
    ],
    undo: [`tc qdisc del dev INTERFACE root handle ${handle}:`],
  }),
}

// internal

/** Those at whose root it is: nothing else is looked at, so that nothing of others goes. */
function interfaces(handle: string): string {
  return `$(tc qdisc show | awk '$2 == "htb" && $3 == "${handle}:" && $6 == "root" { print $5 }')`
}

function removal(handle: string): string {
  return `for at in ${interfaces(handle)}; do tc qdisc del dev "$at" root handle ${handle}:; done`
}
