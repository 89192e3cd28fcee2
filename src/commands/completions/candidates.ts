import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import type { CandidateKind } from "../../lib/args.ts"
import type { Given } from "../../lib/complete.ts"
import { discover } from "../../lib/discovery.ts"
import { type Identified, idsBeginningWith } from "../../store/ids.ts"
import { getLab, livingLabs } from "../../store/labs.ts"
import { openStoreReadOnly, type Store, storeFile } from "../../store/open.ts"
import { faultsOf, placesIn } from "./subjects.ts"

/** Of each table. Nobody reads more; whoever looks for an older one writes the beginning of its id. */
const MAX_IDS = 200

const EVERYWHERE = ["one", "minority", "majority", "all"]

/** What there is of each kind, in the working directory, in the executable and in the store that the line names. */
export function candidatesOf(kind: CandidateKind, given: Given, prefix: string): string[] | Promise<string[]> {
  switch (kind) {
    case "campaign":
      return discover("campaigns").map(({ name }) => name)
    case "subject":
      return discover("compose").map(({ name }) => name)
    case "variant":
      return discover("variants").map(({ name }) => name)
    case "fault":
      return faultsOf(given.flags.get("subject")?.[0])
    case "target":
      return [...EVERYWHERE, ...placesIn(given.flags.get("subject")?.[0]), ...nodesOfLab(given)]
    case "node":
      return nodesOfLab(given)
    case "lab":
      return inStore(given, (store) => livingLabs(store).map(({ id }) => id))
    case "ticket":
      return ids(given, ["tickets"], prefix)
    case "injection":
      return ids(given, ["injections"], prefix)
    case "result":
      return ["last", ...ids(given, ["campaigns", "trials", "labs"], prefix)]
    case "campaign-id":
      return ["last", ...ids(given, ["campaigns"], prefix)]
    case "side":
      return [...discover("variants").map(({ name }) => name), "last", ...ids(given, ["campaigns"], prefix)]
    case "log":
      return ["last", ...ids(given, ["trials", "labs", "sessions", "tickets"], prefix)]
    default:
      throw new Error(`nobody knows candidates of the kind ${kind satisfies never}`)
  }
}

// internal

function ids(given: Given, tables: readonly Identified[], prefix: string): string[] {
  return inStore(given, (store) => tables.flatMap((table) => idsBeginningWith(store, table, prefix, MAX_IDS)))
}

function inStore<T>(given: Given, look: (store: Store) => T): T {
  const store = openStoreReadOnly(storeFile(given.flags.get("db")?.[0]))
  try {
    return look(store)
  } finally {
    store.close()
  }
}

/** The nodes of the lab that the line names first: the folders with a `start`. */
function nodesOfLab(given: Given): string[] {
  const [lab] = given.words
  const row = lab === undefined ? undefined : inStore(given, (store) => getLab(store, lab))
  if (!row || !existsSync(row.dir)) return []
  return readdirSync(row.dir).filter((name) => existsSync(join(row.dir, name, "start")))
}
