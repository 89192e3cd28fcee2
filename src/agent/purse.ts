import { getLab } from "../store/labs.ts"
import type { Outcome } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import type { Lease } from "../store/sessions.ts"
import { campaignDollars, OUT_OF_DOLLARS, reserve, settle } from "../store/spending.ts"
import { getTrial } from "../store/trials.ts"

export type Payment = SetAside | { kind: "none"; outcome: Outcome }

export interface SetAside {
  kind: "set_aside"
  /** What the request cost in the end; null: all that was set aside. The first time counts. */
  settle(cost_usd: number | null): void
}

/** Sets dollars aside for requests of one session, within its own limit and its campaign's. */
export interface Purse {
  /** For a request that costs at most `usd`; null: nobody knows, and then there must be no limit. */
  setAside(usd: number | null): Payment
}

export function openPurse(store: Store, { lab, session }: Lease, limit_usd: number | null): Purse {
  const campaign = campaignOf(store, lab)
  /** What was to cost nothing, and cost something all the same: another model answered than the one that was asked. */
  const book = (cost_usd: number | null) => {
    if (cost_usd === 0) return
    const late = reserve(store, { campaign, lab, session, usd: 0, limits: { session_usd: null } })
    if (late.kind === "reserved") settle(store, late.id, cost_usd)
  }
  return {
    setAside: (usd) => {
      if (usd === 0) return { kind: "set_aside", settle: book }
      if (usd === null && (limit_usd !== null || isLimited(store, campaign)))
        return { kind: "none", outcome: { kind: "model_error", reason: UNPRICED, unreachable: true } }
      const reserved = reserve(store, { campaign, lab, session, usd: usd ?? 0, limits: { session_usd: limit_usd } })
      if (reserved.kind === "reserved")
        return { kind: "set_aside", settle: (cost_usd) => settle(store, reserved.id, cost_usd) }
      const outcome: Outcome =
        reserved.which === "session" ? { kind: "limit", which: "usd" } : { kind: "halted", reason: OUT_OF_DOLLARS }
      return { kind: "none", outcome }
    },
  }
}

// internal

function campaignOf(store: Store, lab: string): string | null {
  const trial = getLab(store, lab)?.trial
  return (trial && getTrial(store, trial)?.campaign) ?? null
}

function isLimited(store: Store, campaign: string | null): boolean {
  return campaign !== null && campaignDollars(store, campaign).limit_usd !== null
}

const UNPRICED = "what the model costs is not known, and the session has a limit in dollars"
