import type { Incarnation } from "../../lab/platforms/docker/helper.ts"
import { neutralName } from "../neutral-name.ts"
import type { Mechanism } from "./mechanism.ts"

/** What happens to the packets of a node that match, as iptables takes it: "-s 172.16.0.3 -j DROP". */
export interface Rules {
  in: string[]
  out: string[]
}

/** Rules in the network of one life of a node, in chains of their own, whose name follows from the injection. */
export interface Ruled {
  node: Incarnation
  chain: string
  rules: Rules
  /** `filter` unless said otherwise. What a queue has let go on skips the rest of its table, so that one is for others. */
  table?: "filter" | "mangle"
}

/** The name of the chains of an injection. It says nothing, and nothing else is called so. */
export function chainOf(injection: string): string {
  return `N${neutralName(injection).toUpperCase()}`
}

/** All rules of one node come into place at once, and go at once, without touching any other. Twice is as once. */
export const RULES: Mechanism<Ruled> = {
  apply: ({ chain, rules, table = "filter" }) => {
    const used = DIRECTIONS.filter(({ of }) => rules[of].length > 0)
    const lines = [
      ...used.map(({ suffix }) => `:${chain}${suffix} - [0:0]`),
      ...used.flatMap(({ of, suffix }) => rules[of].map((rule) => `-A ${chain}${suffix} ${rule}`)),
      ...used.map(({ hook, suffix }) => `-I ${hook} -j ${chain}${suffix}`),
    ]
    return `${removal(chain, table)} || exit 1
      ${restore(table, `cat <<'END'\n${lines.join("\n")}\nEND\n`)}`
  },
  remove: ({ chain, table = "filter" }) => removal(chain, table),
  // Packets come by them in at least one direction: half a cut is a cut.
  see: ({ chain, table = "filter" }) => `iptables-save -c -t ${table} | awk '
    $2 == "-A" && $3 ~ /^(INPUT|OUTPUT)$/ && $NF ~ /^${chain}[IO]$/ { jumps[$NF] = 1 }
    $2 == "-A" && $3 ~ /^${chain}[IO]$/ { rules[$3] = 1; split(substr($1, 2), counted, ":"); hits += counted[1] }
    END { for (chain in rules) if (chain in jumps) there = 1; if (there) print "there"; if (hits > 0) print "hits", hits }'`,
  show: ({ chain, rules, table = "filter" }) => {
    const used = DIRECTIONS.filter(({ of }) => rules[of].length > 0)
    return {
      inject: used.flatMap(({ of, hook, suffix }) => [
        ...rules[of].map((rule) => `iptables -t ${table} -A ${chain}${suffix} ${rule}`),
        `iptables -t ${table} -I ${hook} -j ${chain}${suffix}`,
      ]),
      undo: used.map(
        ({ hook, suffix }) =>
          `iptables -t ${table} -D ${hook} -j ${chain}${suffix}; iptables -t ${table} -F ${chain}${suffix}`,
      ),
    }
  },
}

// internal

/** Another that works on the same network's rules is waited for. */
const LOCK_S = 3

const DIRECTIONS = [
  { of: "in", hook: "INPUT", suffix: "I" },
  { of: "out", hook: "OUTPUT", suffix: "O" },
] as const

/** What is there says what is to go: each of it by name, so that rules of others stay. */
function removal(chain: string, table: string): string {
  const commands = `
      sed -nE 's/^:(${chain}[IO]) .*/:\\1 - [0:0]/p' <<<"$own"
      sed -nE '/^-A ${chain}[IO] /d; s/^-A /-D /p' <<<"$own"
      sed -nE 's/^:(${chain}[IO]) .*/-X \\1/p' <<<"$own"
      `
  return `own=$(iptables-save -t ${table} | grep -E '[ :]${chain}[IO]( |$)')
    [ -z "$own" ] || ${restore(table, commands)}`
}

/** Does to a table what some commands print, all of it or nothing. */
function restore(table: string, commands: string): string {
  return `{ echo '*${table}'; ${commands} echo COMMIT; } | iptables-restore -w ${LOCK_S} --noflush`
}
