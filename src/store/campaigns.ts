import type { Store } from "./open.ts"

export interface Campaign {
  id: string
  name: string
  matrix_hash: string
  matrix: string
  created_at: string
  ended_at: string | null
}

export function createCampaign(store: Store, campaign: Pick<Campaign, "id" | "name" | "matrix_hash" | "matrix">): void {
  store.write(() =>
    store.db
      .query(
        "insert into campaigns (id, name, matrix_hash, matrix, created_at) values (:id, :name, :matrix_hash, :matrix, :created_at)",
      )
      .run({ ...campaign, created_at: store.clock.now().toISOString() }),
  )
}

export function endCampaign(store: Store, id: string): void {
  store.write(() =>
    store.db.query("update campaigns set ended_at = ? where id = ?").run(store.clock.now().toISOString(), id),
  )
}
