import { OperatorError } from "../../lib/errors.ts"
import { help, type Incarnation } from "../../lab/platforms/docker/helper.ts"

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
}

export interface RulesSeen {
  /** There are some, and packets come by them, in at least one direction: half a cut is a cut. */
  there: boolean
  /** How many packets they were applied to. */
  hits: number
}

/** The name of the chains of an injection. It says nothing, and nothing else is called so. */
export function chainOf(injection: string): string {
  return `N${injection.replace(/\W/g, "").toUpperCase()}`
}

/** Puts all rules of one node into place at once. Twice is as once. */
export async function applyRules(lab: string, { node, chain, rules }: Ruled): Promise<void> {
  const lines = [
    "*filter",
    ...DIRECTIONS.map(({ suffix }) => `:${chain}${suffix} - [0:0]`),
    ...DIRECTIONS.flatMap(({ of, suffix }) => rules[of].map((rule) => `-A ${chain}${suffix} ${rule}`)),
    "COMMIT",
  ]
  const jumps = DIRECTIONS.map(
    ({ hook, suffix }) => `iptables -w ${LOCK_S} -C ${hook} -j ${chain}${suffix} 2>/dev/null ||
      iptables -w ${LOCK_S} -I ${hook} -j ${chain}${suffix}`,
  )
  // Loopback and Docker's own DNS in it are never touched, since rules name addresses of peers.
  const script = ["set -e", `iptables-restore -w ${LOCK_S} --noflush <<'END'`, ...lines, "END", ...jumps].join("\n")
  await run(lab, node, script)
}

/** Takes them away again, and nothing else. Without them nothing happens. */
export async function removeRules(lab: string, { node, chain }: Omit<Ruled, "rules">): Promise<void> {
  const script = DIRECTIONS.map(
    ({ hook, suffix }) => `while iptables -w ${LOCK_S} -D ${hook} -j ${chain}${suffix} 2>/dev/null; do :; done
      iptables -w ${LOCK_S} -F ${chain}${suffix} 2>/dev/null && iptables -w ${LOCK_S} -X ${chain}${suffix}
      ! iptables -w ${LOCK_S} -n -L ${chain}${suffix} >/dev/null 2>&1 || exit 1`,
  ).join("\n")
  await run(lab, node, script)
}

/** Looks at them in the node's own network. */
export async function seeRules(lab: string, { node, chain }: Omit<Ruled, "rules">): Promise<RulesSeen> {
  const looks = DIRECTIONS.map(
    ({ hook, suffix }) => `iptables -w ${LOCK_S} -C ${hook} -j ${chain}${suffix} 2>/dev/null &&
        iptables -w ${LOCK_S} -S ${chain}${suffix} | grep -q '^-A' && echo there
      iptables -w ${LOCK_S} -n -v -x -L ${chain}${suffix} 2>/dev/null | awk 'NR > 2 { print "hits", $1 }'`,
  )
  const lines = (await run(lab, node, `${looks.join("\n")}\ntrue`)).split("\n")
  const hits = lines.flatMap((line) => /^hits (\d+)$/.exec(line)?.[1] ?? [])
  return {
    there: lines.includes("there"),
    hits: hits.reduce((sum, each) => sum + Number(each), 0),
  }
}

/** The rules as a person would type them. */
export function showRules(chain: string, rules: Rules): string[] {
  return DIRECTIONS.flatMap(({ of, hook, suffix }) => [
    `iptables -I ${hook} -j ${chain}${suffix}`,
    ...rules[of].map((rule) => `iptables -A ${chain}${suffix} ${rule}`),
  ])
}

// internal

/** Another that works on the same network's rules is waited for. */
const LOCK_S = 3
const SCRIPT_TIMEOUT_MS = 10_000

const DIRECTIONS = [
  { of: "in", hook: "INPUT", suffix: "I" },
  { of: "out", hook: "OUTPUT", suffix: "O" },
] as const

async function run(lab: string, node: Incarnation, script: string): Promise<string> {
  const { exit_code, output, stdout } = await help(lab, node, script, {
    share: "network",
    timeout_ms: SCRIPT_TIMEOUT_MS,
  })
  if (exit_code === 0) return stdout
  throw new OperatorError(`the network of ${node.node}: ${output.trim() || `exit ${exit_code ?? "by a signal"}`}`)
}
