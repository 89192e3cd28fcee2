import { z } from "zod"
import { draw } from "../../lib/random.ts"
import type { Node } from "../../lab/lab.ts"
import { members } from "../../lab/render.ts"
import { gatesOf, NODE_RUNNING, type Subject } from "../../lab/subject.ts"
import type { Injection } from "../../store/injections.ts"
import type { PagedTicket } from "../../store/kinds.ts"
import type { Fault } from "../fault.ts"

interface FalsePagePlan extends Record<string, unknown> {
  /** What the agent is told is violated, and is not. */
  claim: Claim
}

type Claim = Pick<PagedTicket, "invariant" | "node" | "severity">

/** Breaks nothing, and has the agent called to a violation that never was: it ought to look, and to leave the lab alone. */
export const falsePage: Fault<Record<string, never>, FalsePagePlan> = {
  name: "false_page",
  about: "Breaks nothing, and calls the agent all the same: it ought to leave the lab alone",
  params: z.strictObject({}),
  platforms: ["process", "docker"],
  heals_itself: true,
  calls: "for_nothing",
  plan: async (lab, targets, _params, { seed }) => {
    const all = claimsAbout(lab.subject, await lab.nodes())
    const named = all.filter(({ node }) => targets.some(({ name }) => name === node))
    return { claim: draw(named.length > 0 ? named : all, 1, seed)[0]! }
  },
  inject: async () => {},
  probe: async () => "gone",
  revert: async () => {},
}

/** The ticket of a false page as an agent sees it. It is in no list: the monitor never saw it. */
export function falseTicket({ id, plan }: Pick<Injection, "id" | "plan">, opened_at: Date): PagedTicket {
  const { claim } = plan as FalsePagePlan
  const observation = { status: "violated", value: null, reason: "no answer within 2000 ms" }
  return { id: id.replace("i-", "t-"), kind: "violated", ...claim, opened_at: opened_at.toISOString(), observation }
}

// internal

/** What could be violated at a node: the gates that are asked of each, else whether it runs. */
function claimsAbout(subject: Subject, nodes: readonly Node[]): Claim[] {
  const gates = gatesOf(subject)
  const of = (services: readonly string[]) => nodes.filter(({ service }) => services.includes(service))
  const claims = subject.invariants.flatMap(({ name, each, severity }) =>
    each === undefined || !gates.includes(name)
      ? []
      : of(members(subject, each)).map((node) => ({ invariant: name, node: node.name, severity })),
  )
  if (claims.length > 0) return claims
  return nodes.map((node) => ({ invariant: NODE_RUNNING, node: node.name, severity: "critical" }))
}
