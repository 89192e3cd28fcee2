import type { EventBodies, ModelTotals } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"

export type Tokens = Pick<ModelTotals, "input_tokens" | "output_tokens" | "cache_read_tokens" | "cache_write_tokens">

/** What the sessions on one lab used. */
export interface Usage {
  /** With what was set aside for a turn that nobody settled. Null: a price is not known. */
  cost_usd: number | null
  /** Null: no model was asked, or none of its sessions came to an end. */
  tokens: Tokens | null
  steps: number
}

/** By lab, for the labs of one campaign, or of every one. A lab on which no session worked is not in it. */
export function usageByLab(store: Store, campaign: string | null): Map<string, Usage> {
  const spent = new Map(
    store.db
      .query<Spent, Query>(SPENT)
      .all({ campaign })
      .map((row) => [row.session, row.usd]),
  )
  const by_lab = new Map<string, Usage>()
  for (const { id, lab, cost_usd, steps } of store.db.query<Row, Query>(SESSIONS).all({ campaign })) {
    const before = by_lab.get(lab) ?? { cost_usd: 0, tokens: null, steps: 0 }
    const usd = spent.get(id) ?? 0
    // Where a price is not known nothing is set aside, and the session's own sum is not known either.
    const unknown = before.cost_usd === null || (cost_usd === null && usd === 0)
    by_lab.set(lab, {
      cost_usd: unknown ? null : before.cost_usd! + usd,
      tokens: together(before.tokens, usd > 0 || cost_usd === null ? tokensOf(store, id) : null),
      steps: before.steps + steps,
    })
  }
  return by_lab
}

// internal

type Query = { campaign: string | null }

interface Spent {
  session: string
  usd: number
}

interface Row {
  id: string
  lab: string
  cost_usd: number | null
  steps: number
}

const SPENT = `select session, total(coalesce(spent_usd, reserved_usd)) as usd from spending
  where :campaign is null or campaign = :campaign group by session`

const SESSIONS = `select s.id, s.lab, s.cost_usd, s.steps from trials t join sessions s on s.lab = t.lab
  where :campaign is null or t.campaign = :campaign`

/** A session's end is among its last events, so the index is read backwards. */
const ENDED = "select body from events where session = ? and kind = 'session.ended' order by seq desc limit 1"

function tokensOf(store: Store, session: string): Tokens | null {
  const row = store.db.query<{ body: string }, [string]>(ENDED).get(session)
  return (row && (JSON.parse(row.body) as EventBodies["session.ended"]).totals) ?? null
}

function together(a: Tokens | null, b: Tokens | null): Tokens | null {
  if (a === null || b === null) return a ?? (b && pick(b))
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cache_read_tokens: a.cache_read_tokens + b.cache_read_tokens,
    cache_write_tokens: a.cache_write_tokens + b.cache_write_tokens,
  }
}

function pick({ input_tokens, output_tokens, cache_read_tokens, cache_write_tokens }: Tokens): Tokens {
  return { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens }
}
