import { UsageError } from "../lib/errors.ts"
import { matchPrefix } from "../lib/prefix.ts"
import type { Store } from "../store/open.ts"
import { getTrial } from "../store/trials.ts"

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

/** The campaign that an id leads to, as by `findResult`. A trial is none. */
export function findStoredCampaign(store: Store, word: string): string {
  const { kind, id } = findResult(store, word)
  if (kind === "campaign") return id
  const campaign = getTrial(store, id)?.campaign
  throw new UsageError(`${word} is a trial, not a campaign`, { hint: `its campaign is ${campaign}` })
}

// internal

const PLACES = `
  select id as word, 'trial' as kind, id from trials
  union all select lab, 'trial', id from trials where lab is not null
  union all select id, 'campaign', id from campaigns`
