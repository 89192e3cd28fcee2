import { bootId, isAlive, thisProcess } from "../lib/process.ts"
import type { Store } from "./open.ts"

export interface Campaign {
  id: string
  name: string
  /** Of everything that decides its trials: the same campaign has the same hash. */
  matrix_hash: string
  matrix: string
  created_at: string
  ended_at: string | null
  runner_boot: string | null
  runner_pid: number | null
  runner_started: string | null
  /** The most that it may spend. Null: no bound of its own. */
  limit_usd: number | null
}

/** Records a campaign that this process runs. */
export function createCampaign(store: Store, campaign: NewCampaign): void {
  const { pid, started } = thisProcess()
  store.write(() =>
    store.db
      .query(
        `insert into campaigns (id, name, matrix_hash, matrix, limit_usd, created_at, runner_boot, runner_pid, runner_started)
         values (:id, :name, :matrix_hash, :matrix, :limit_usd, :created_at, :boot, :pid, :started)`,
      )
      .run({ limit_usd: null, ...campaign, created_at: store.clock.now().toISOString(), boot: bootId(), pid, started }),
  )
}

/**
 * Makes this process the one that runs a campaign, from now on with `limit_usd` when there is one. The living process that
 * already runs it, if there is one, is returned instead.
 */
export function claimCampaign(store: Store, id: string, limit_usd: number | null = null): { pid: number } | undefined {
  return store.write(() => {
    const campaign = getCampaign(store, id)
    if (campaign && runnerAlive(campaign)) return { pid: campaign.runner_pid ?? 0 }
    const { pid, started } = thisProcess()
    store.db
      .query(
        `update campaigns set runner_boot = ?, runner_pid = ?, runner_started = ?, limit_usd = coalesce(?, limit_usd)
         where id = ?`,
      )
      .run(bootId(), pid, started, limit_usd, id)
    return undefined
  })
}

export function endCampaign(store: Store, id: string): void {
  store.write(() =>
    store.db.query("update campaigns set ended_at = ? where id = ?").run(store.clock.now().toISOString(), id),
  )
}

export function getCampaign(store: Store, id: string): Campaign | undefined {
  return store.db.query<Campaign, [string]>("select * from campaigns where id = ?").get(id) ?? undefined
}

/** Newest first. */
export function listCampaigns(
  store: Store,
  options: { name?: string; matrix_hash?: string; limit?: number } = {},
): Campaign[] {
  return store.db
    .query<Campaign, { name: string | null; matrix_hash: string | null; limit: number }>(
      `select * from campaigns where (:name is null or name = :name) and (:matrix_hash is null or matrix_hash = :matrix_hash)
       order by created_at desc, rowid desc limit :limit`,
    )
    .all({ name: options.name ?? null, matrix_hash: options.matrix_hash ?? null, limit: options.limit ?? -1 })
}

/** Whether a process runs it at this moment; one in another container is not seen, so that a container made anew goes on. */
export function runnerAlive({ runner_boot, runner_pid, runner_started }: Runner): boolean {
  return isAlive({ boot: runner_boot, pid: runner_pid, started: runner_started })
}

// internal

type NewCampaign = Pick<Campaign, "id" | "name" | "matrix_hash" | "matrix"> & Partial<Pick<Campaign, "limit_usd">>

type Runner = Pick<Campaign, "runner_boot" | "runner_pid" | "runner_started">
