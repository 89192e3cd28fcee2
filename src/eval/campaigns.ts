import { type Campaign, runnerAlive } from "../store/campaigns.ts"
import type { Store } from "../store/open.ts"
import { campaignDollars, type CampaignDollars } from "../store/spending.ts"
import type { Trial } from "../store/trials.ts"
import { bestFirst, successOf, type VariantSuccess } from "./summary.ts"

/** How far a campaign came, as `--json` prints it. */
export interface CampaignOutcome extends Pick<Campaign, "id" | "name" | "created_at" | "ended_at">, CampaignDollars {
  /** `unfinished`: nobody runs it, and the same command would go on with it. */
  state: "running" | "unfinished" | "finished"
  /** Trials that it is to run, and those that have ended, but for those that ended in an error. */
  total: number
  done: number
  /** The trials that count and the successes among them, over all cells. */
  variants: VariantSuccess[]
}

/** The newest campaigns first. */
export function listOutcomes(store: Store, limit: number): CampaignOutcome[] {
  return store.db
    .query<Row, { id: null; limit: number }>(CAMPAIGNS)
    .all({ id: null, limit })
    .map((row) => outcomeOf(store, row))
}

export function getOutcome(store: Store, id: string): CampaignOutcome | undefined {
  const row = store.db.query<Row, { id: string; limit: number }>(CAMPAIGNS).get({ id, limit: 1 })
  return row ? outcomeOf(store, row) : undefined
}

// internal

type Row = Omit<Campaign, "matrix" | "matrix_hash" | "limit_usd"> & { total: number }

const CAMPAIGNS = `select id, name, created_at, ended_at, runner_boot, runner_pid, runner_started, json_array_length(matrix) as total
  from campaigns where :id is null or id = :id order by created_at desc, rowid desc limit :limit`

/** The last attempt at each trial. */
const LAST_ATTEMPTS = `select variant, fault, stage, verdict from (
    select variant, fault, stage, verdict, row_number() over (
      partition by subject, fault, target, params, variant, repetition order by attempt desc) as place
    from trials where campaign = ?) where place = 1`

type LastAttempt = Pick<Trial, "variant" | "fault" | "stage" | "verdict">

function outcomeOf(store: Store, row: Row): CampaignOutcome {
  const { id, name, total, created_at, ended_at } = row
  const { spent_usd, reserved_usd, limit_usd } = campaignDollars(store, id)
  const trials = store.db.query<LastAttempt, [string]>(LAST_ATTEMPTS).all(id)
  return {
    ...{ id, name, created_at, ended_at, total, spent_usd, reserved_usd, limit_usd },
    state: ended_at !== null ? "finished" : runnerAlive(row) ? "running" : "unfinished",
    done: trials.filter(({ stage }) => stage === "done" || stage === "invalid").length,
    variants: bestFirst(
      trials.map(({ variant, fault, verdict }) => ({
        variant,
        n: verdict === null || verdict === "invalid" || verdict === "error" ? 0 : 1,
        successes: verdict === successOf(fault) ? 1 : 0,
      })),
    ),
  }
}
