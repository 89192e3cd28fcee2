import { UsageError } from "../lib/errors.ts"
import { matchPrefix } from "../lib/prefix.ts"
import type { Store } from "../store/open.ts"

/** A campaign, or one attempt at a trial. */
export interface Found {
  kind: "campaign" | "trial"
  id: string
}

/** What the id of a campaign, of a trial or of a trial's lab leads to; a unique prefix will do, and `last` is the newest campaign. */
export function findResult(store: Store, word: string): Found {
  const last = store.db
    .query<{ id: string }, []>("select id from campaigns order by created_at desc, rowid desc limit 1")
    .get()
  if (!last)
    throw new UsageError("the store holds no campaign yet", { hint: "operator campaign --help shows how to run one" })
  if (word === "last") return { kind: "campaign", id: last.id }
  const all = store.db.query<Found & { word: string }, []>(PLACES).all()
  const places = new Map(all.map(({ word, kind, id }) => [word, { kind, id }]))
  const found = places.get(
    matchPrefix(word, places.keys(), "campaign or trial", "operator eval list shows the campaigns"),
  )
  if (!found) throw new Error(`the store lost ${word}`)
  return found
}

/** A campaign by a unique beginning among campaigns, or `last`. A trial is none. */
export function findStoredCampaign(store: Store, word: string): string {
  if (word === "last") return findResult(store, word).id
  const campaigns = store.db.query<{ id: string }, []>("select id from campaigns").all()
  const ids = campaigns.map(({ id }) => id)
  const found = word === "" || ids.some((id) => id.startsWith(word)) ? undefined : trialNamed(store, word)
  if (found) throw new UsageError(`${word} is a trial, not a campaign`, { hint: `its campaign is ${found.campaign}` })
  return matchPrefix(word, ids, "campaign", "operator eval list shows the campaigns")
}

// internal

const PLACES = `
  select id as word, 'trial' as kind, id from trials
  union all select lab, 'trial', id from trials where lab is not null
  union all select id, 'campaign', id from campaigns`

function trialNamed(store: Store, word: string): { campaign: string } | null {
  return store.db
    .query<{ campaign: string }, { word: string }>(
      "select campaign from trials where substr(id, 1, length(:word)) = :word or substr(lab, 1, length(:word)) = :word limit 1",
    )
    .get({ word })
}
