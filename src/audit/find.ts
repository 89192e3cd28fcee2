import { UsageError } from "../lib/errors.ts"
import { matchPrefix } from "../lib/prefix.ts"
import type { Store } from "../store/open.ts"

/** What an id in the audit leads to. */
export interface LogPlace {
  id: string
  /** Null: `id` is an attempt at a trial that never came to a lab, and so has no log. */
  lab: string | null
  /** Of the lab's log only what belongs to this session. */
  session: string | null
}

/** The place to which an id of a trial, a session, a lab or a ticket leads; a unique prefix or `last` will do. */
export function findLog(store: Store, word: string): LogPlace {
  const last = store.db.query<LogPlace, []>(LAST).get()
  if (!last) throw new UsageError("the store holds no log yet", { hint: "run a trial first: operator campaign --help" })
  if (word === "last") return last
  const all = store.db.query<LogPlace, []>(PLACES).all()
  const places = new Map(all.map((place) => [place.id, place]))
  const hint = "trials, sessions, labs and tickets have ids; operator audit list shows them"
  const found = places.get(matchPrefix(word, places.keys(), "id", hint))
  if (!found) throw new Error(`the store lost the log of ${word}`)
  return found
}

// internal

const PLACES = `
  select id, lab, null as session from trials
  union all select id, lab, null from tickets
  union all select id, lab, id from sessions
  union all select id, id, null from labs`

/** The newest lab, or the newest attempt without one. */
const LAST = `
  select id, lab, null as session from (
    select id, id as lab, created_at, rowid as n from labs
    union all select id, null, created_at, rowid from trials where lab is null
  ) order by created_at desc, n desc limit 1`
