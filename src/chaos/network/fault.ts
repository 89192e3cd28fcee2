import type { Lab } from "../../lab/lab.ts"
import { containersOf, help, type Incarnation, incarnation } from "../../lab/platforms/docker/helper.ts"
import type { Confirmed, Fault, Presence } from "../fault.ts"
import { type Felt, feel, type Pair, showFelt } from "./felt.ts"
import { type Mechanism, runBeside, type Seen, seenIn } from "./mechanism.ts"
import { RULES, type Ruled } from "./rules.ts"

/** Everything that undoing it takes: whose network, and what was changed in it. */
export interface NetworkPlan<Change = Ruled> {
  changes: Change[]
  /** A way on which it is felt, and one on which it must not be. */
  affected: Pair
  control: Pair | null
}

/** What a fault says that changes the network of nodes: how, and what that does to whoever goes the affected way. */
export interface NetworkFault<Params, Change> extends Pick<
  Fault<Params, NetworkPlan<Change>>,
  "name" | "about" | "params" | "check" | "plan" | "sparesQuorum"
> {
  by: Mechanism<Change>
  /** Echo requests, unless said otherwise. */
  feel?(lab: string, pair: Pair, change: Change): Promise<Felt>
  isFelt(felt: Felt, change: Change): boolean
}

export function networkFault<Params, Change extends { node: Incarnation }>(
  declared: NetworkFault<Params, Change>,
): Fault<Params, NetworkPlan<Change>> {
  const { by, feel: _feel, isFelt: _isFelt, ...rest } = declared
  return {
    ...rest,
    platforms: ["docker"],
    of_nodes: true,
    heals_itself: false,
    isStale: ({ changes }, { name, process }) =>
      changes.some(({ node }) => node.node === name && node.started !== process?.started),
    inject: async (lab, { changes, affected, control }) => {
      const worked = changes.map(async (change) => void (await runBeside(lab, change.node, by.apply(change))))
      // They are needed to confirm it, and take as long to start.
      const others = [affected, control].flatMap((pair) => (pair ? [pair.from, pair.at] : []))
      await Promise.all([...worked, ...awaited(lab, others, changes)])
    },
    probe: async (lab, { changes }) => presenceOf(lab, changes, by),
    confirm: (lab, plan) => confirm(lab, plan, declared),
    revert: async (lab, { changes }) => {
      const living = await livingOf(lab, changes)
      await Promise.all(living.map((change) => runBeside(lab, change.node, by.remove(change))))
    },
    steps: (_lab, { changes }) => ({
      inject: changes.flatMap((change) => by.show(change).inject.map((line) => `in ${change.node.node}: ${line}`)),
      undo: changes.flatMap((change) => by.show(change).undo.map((line) => `in ${change.node.node}: ${line}`)),
    }),
  }
}

/** A fault that is made of rules for packets. */
export function ruleFault<Params>(declared: Omit<NetworkFault<Params, Ruled>, "by">): Fault<Params, NetworkPlan> {
  return networkFault({ ...declared, by: RULES })
}

// internal

/** Has helpers started beside those on which nothing else runs; whoever cannot have one shows it when it is asked. */
function awaited(lab: Lab, others: readonly Incarnation[], changes: readonly { node: Incarnation }[]) {
  const ids = new Set(changes.map(({ node }) => node.container))
  return others
    .filter(({ container }) => !ids.has(container) && ids.add(container))
    .map((one) => help(lab.id, one, ":", { share: "network", timeout_ms: START_TIMEOUT_MS }).catch(() => undefined))
}

const START_TIMEOUT_MS = 10_000

/** Those whose network is the very one in which something was changed. */
async function livingOf<Change extends { node: Incarnation }>(lab: Lab, changes: readonly Change[]): Promise<Change[]> {
  const now = (await containersOf(lab.id)).map(incarnation)
  return changes.filter(({ node }) =>
    now.some(({ container, started }) => container === node.container && started === node.started),
  )
}

async function seeAll<Change extends { node: Incarnation }>(
  lab: Lab,
  changes: readonly Change[],
  { see }: Mechanism<Change>,
): Promise<Seen[]> {
  return Promise.all(changes.map(async (change) => seenIn(await runBeside(lab, change.node, `${see(change)}\ntrue`))))
}

async function presenceOf<Change extends { node: Incarnation }>(
  lab: Lab,
  changes: readonly Change[],
  by: Mechanism<Change>,
): Promise<Presence> {
  const living = await livingOf(lab, changes)
  const seen = await seeAll(lab, living, by)
  if (seen.some(({ there }) => there)) return "active"
  return living.length === 0 && changes.length > 0 ? "void" : "gone"
}

async function confirm<Params, Change extends { node: Incarnation }>(
  lab: Lab,
  { changes, affected, control }: NetworkPlan<Change>,
  fault: NetworkFault<Params, Change>,
): Promise<Confirmed> {
  const [first] = changes
  if (!first) return { confirmation: "ineffective", evidence: "nothing was changed" }
  const go = (pair: Pair) => (fault.feel ? fault.feel(lab.id, pair, first) : feel(lab.id, pair))
  const [on_way, beside] = await Promise.all([go(affected), control ? go(control) : undefined])
  const seen = await seeAll(lab, changes, fault.by)
  const hits = seen.reduce((sum, one) => sum + one.hits, 0)
  const way = seen.flatMap(({ by }) => (by === undefined ? [] : [`, by ${by}`]))[0] ?? ""
  const evidence = [
    `${hits} packets met it at ${changes.map(({ node }) => node.node).join(", ")}${way}`,
    `on its way ${showFelt(on_way)}`,
    beside ? `elsewhere ${showFelt(beside)}` : "no way to compare with",
  ].join("; ")
  const felt = fault.isFelt(on_way, first)
  const alone = beside !== undefined && !fault.isFelt(beside, first)
  if (!seen.some(({ there }) => there) || (!felt && hits === 0)) return { confirmation: "ineffective", evidence }
  return { confirmation: felt && alone && hits > 0 ? "confirmed" : "inconclusive", evidence }
}
