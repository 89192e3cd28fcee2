import type { Store } from "./open.ts"

/** The reason with which a trial ends in `error` when its campaign has no dollars left for it. More may follow it. */
export const OUT_OF_DOLLARS = "the campaign's dollars do not reach for another turn"

export interface Reservation {
  campaign: string | null
  lab: string
  session: string
  /** The most that what follows may cost. */
  usd: number
  limits: { session_usd: number | null }
}

export type Reserved = { kind: "reserved"; id: number } | { kind: "over"; which: "session" | "campaign" }

export interface Spent {
  /** What was settled. */
  spent_usd: number
  /** What is set aside and not settled. */
  reserved_usd: number
}

export interface CampaignDollars extends Spent {
  limit_usd: number | null
}

/**
 * Sets dollars aside before a request, among all processes of a campaign: what was spent, what is set aside and `usd` together
 * pass neither the session's limit nor the campaign's. A reservation that nobody settles, because its process died, goes on
 * counting: the request may have been sent, and then it was billed.
 */
export function reserve(store: Store, { campaign, lab, session, usd, limits }: Reservation): Reserved {
  if (!(usd >= 0)) throw new Error(`${usd} dollars cannot be set aside`)
  return store.write(() => {
    if (!fits(spentOn(store, { session }), usd, limits.session_usd)) return { kind: "over", which: "session" }
    if (campaign !== null && !fits(spentOn(store, { campaign }), usd, limitOf(store, campaign))) {
      return { kind: "over", which: "campaign" }
    }
    const at = store.clock.now().toISOString()
    const { lastInsertRowid } = store.db.query(INSERT).run({ campaign, lab, session, usd, at })
    return { kind: "reserved", id: Number(lastInsertRowid) }
  })
}

/** Puts what a request cost in the place of what was set aside for it; null, not known, counts as all of that. The first time counts. */
export function settle(store: Store, id: number, usd: number | null): void {
  store.write(() =>
    store.db
      .query("update spending set spent_usd = coalesce(?, reserved_usd) where id = ? and spent_usd is null")
      .run(usd, id),
  )
}

export function spentOn(store: Store, whose: { campaign: string } | { session: string }): Spent {
  const [column, id] = "campaign" in whose ? ["campaign", whose.campaign] : ["session", whose.session]
  return store.db.query<Spent, [string]>(sumOf(column)).get(id)!
}

/** A campaign's dollars. One without a limit has never used them up. */
export function campaignDollars(store: Store, campaign: string): CampaignDollars & { used_up: boolean } {
  const [spent, limit_usd] = [spentOn(store, { campaign }), limitOf(store, campaign)]
  return { ...spent, limit_usd, used_up: limit_usd !== null && used(spent) >= limit_usd - ROUNDING_USD }
}

// internal

/** Sums of fractions are off by less than this, and nothing costs so little. */
const ROUNDING_USD = 1e-9

const INSERT = `insert into spending (campaign, lab, session, reserved_usd, at)
  values (:campaign, :lab, :session, :usd, :at)`

const sumOf = (column: string) => `select total(spent_usd) as spent_usd,
  total(case when spent_usd is null then reserved_usd end) as reserved_usd from spending where ${column} = ?`

const used = ({ spent_usd, reserved_usd }: Spent) => spent_usd + reserved_usd

function fits(spent: Spent, usd: number, limit_usd: number | null): boolean {
  return limit_usd === null || used(spent) + usd <= limit_usd + ROUNDING_USD
}

function limitOf(store: Store, campaign: string): number | null {
  const row = store.db
    .query<{ limit_usd: number | null }, [string]>("select limit_usd from campaigns where id = ?")
    .get(campaign)
  return row?.limit_usd ?? null
}
