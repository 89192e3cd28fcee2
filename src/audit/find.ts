import { UsageError } from "../lib/errors.ts"
import { matchPrefix } from "../lib/prefix.ts"
import { getLab } from "../store/labs.ts"
import type { Store } from "../store/open.ts"

/** What an id in the audit leads to: a lab's log, or the part of it that belongs to one session. */
export interface LogPlace {
  lab: string
  session?: string
}

/** The lab's log to which an id of a trial, a session, a lab or a ticket leads; a unique prefix or `last` will do. */
export function findLog(store: Store, word: string): LogPlace {
  const places = new Map<string, LogPlace>()
  for (const row of store.db
    .query<{ id: string; lab: string }, []>("select id, lab from trials where lab is not null")
    .all()) {
    places.set(row.id, { lab: row.lab })
  }
  for (const row of store.db.query<{ id: string; lab: string }, []>("select id, lab from tickets").all()) {
    places.set(row.id, { lab: row.lab })
  }
  for (const row of store.db.query<{ id: string; lab: string }, []>("select id, lab from sessions").all()) {
    places.set(row.id, { lab: row.lab, session: row.id })
  }
  for (const { id } of store.db.query<{ id: string }, []>("select id from labs order by created_at").all())
    places.set(id, { lab: id })

  const last = store.db
    .query<{ id: string }, []>("select id from labs order by created_at desc, rowid desc limit 1")
    .get()?.id
  if (last === undefined)
    throw new UsageError("the store holds no log yet", { hint: "run a trial first: operator campaign --help" })
  const found = places.get(
    word === "last"
      ? last
      : matchPrefix(word, places.keys(), "trial, session, lab or ticket", "operator audit list shows them"),
  )
  if (!found || !getLab(store, found.lab)) throw new Error(`the store lost the log of ${word}`)
  return found
}
