import { accessSync, constants, statfsSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { codeOf, messageOf, OperatorError } from "../../lib/errors.ts"
import { SCHEMA_VERSION } from "../../store/migrate.ts"
import { storeSchema } from "../../store/open.ts"
import { type Finding, missing, note, ok } from "./finding.ts"

/** A trial leaves less than 1 MB in the store, and its lab's folder is about as large. */
const NEEDED_BYTES = 64 * 1024 ** 2
/** Room for a thousand trials. */
const PLENTY_BYTES = 1024 ** 3

/** Whether the store can be written, or created, and has room. Nothing is created here. */
export function checkStore(file: string): Finding {
  try {
    const schema = storeSchema(file)
    const place = nearestFolder(file)
    accessSync(place, constants.W_OK | constants.X_OK)
    if (schema > 0) accessSync(file, constants.W_OK)
    return withRoom(`${file}, ${stateOf(schema)}`, place, schema)
  } catch (error) {
    if (error instanceof OperatorError) return missing("store", error.message, error.hint ?? ANOTHER)
    return missing("store", `${file} cannot be written: ${codeOf(error) ?? messageOf(error)}`, ANOTHER)
  }
}

/** The folder in which a file is, or the nearest one above that is there already. */
export function nearestFolder(file: string): string {
  const folder = dirname(file)
  return statSync(folder, { throwIfNoEntry: false }) || folder === file ? folder : nearestFolder(folder)
}

// internal

const ANOTHER = "name a store elsewhere: --db FILE, or export OPERATOR_DB=FILE"

function stateOf(schema: number): string {
  if (schema === 0) return "not there yet, will be created"
  return schema < SCHEMA_VERSION
    ? `schema ${schema}, the next command that writes brings it up to date`
    : `schema ${schema}`
}

function withRoom(found: string, place: string, schema: number): Finding {
  const { bavail, bsize } = statfsSync(place)
  const free_bytes = bavail * bsize
  const said = `${found}; ${Math.floor(free_bytes / 1024 ** 2)} MB free`
  if (free_bytes < NEEDED_BYTES) return missing("store", said, `free some space: df -h '${place}'`)
  if (free_bytes < PLENTY_BYTES) return note("store", said, `free some space for long campaigns: df -h '${place}'`)
  return schema > 0 && schema < SCHEMA_VERSION ? note("store", said) : ok("store", said)
}
