import type { Clock } from "../../lib/clock.ts"
import type { LedgerCheck } from "../../store/kinds.ts"
import { ledgerOf } from "../../store/ledger.ts"
import type { Store } from "../../store/open.ts"
import type { Lab } from "../lab.ts"
import { attempt, type Attempt, type Entry, type Operation, operationOf } from "./operation.ts"

/** Reads at once. Enough for thousands a second, and no load that would slow a small subject down. */
const READERS = 16
/** Between two rounds over the keys that are not yet found. */
const ROUND_PAUSE_MS = 200
/** A replica that lags behind may miss a write for a moment: only what is missing for as long counts as lost. */
export const LOSS_SETTLES_MS = 2_000
const MAX_EXAMPLES = 10
const MAX_SHOWN_CHARS = 120

export interface CheckOptions {
  timeout_ms: number
  signal?: AbortSignal | undefined
  clock?: Clock
}

/**
 * Reads every write that the lab has acknowledged, through the subject's `read`, when its workload has ended. A key
 * that is not found is asked for again, until it is, or until all that are left have had an answer for
 * `LOSS_SETTLES_MS`, or the time is up. `lost`: no such key (404). `wrong`: an answer for which `holds` is not true.
 * `unread`: no answer, or one about another trouble.
 */
export async function checkLedger(store: Store, lab: Lab, options: CheckOptions): Promise<LedgerCheck> {
  const read = operationOf(lab.subject, "read")
  if (!read) return NOT_MEASURED
  const clock = options.clock ?? store.clock
  const ends_ms = clock.mono_ms() + options.timeout_ms
  const look = (entry: Entry) => lookFor(lab, read, entry, { clock, ends_ms, signal: options.signal })

  let acked = 0
  let missing = await lookForAll(
    look,
    counted(ledgerOf(store, lab.id), () => (acked += 1)),
  )
  let answered_since_ms = clock.mono_ms()
  while (missing.length > 0 && clock.mono_ms() < ends_ms && !options.signal?.aborted) {
    if (missing.some(({ state }) => state === "unread")) answered_since_ms = clock.mono_ms()
    if (clock.mono_ms() >= answered_since_ms + LOSS_SETTLES_MS) break
    await clock.sleep(Math.min(ROUND_PAUSE_MS, ends_ms - clock.mono_ms()), options.signal)
    missing = await lookForAll(look, missing.map(({ entry }) => entry).values())
  }
  return verdict(acked, missing)
}

// internal

interface Missing {
  entry: Entry
  state: "lost" | "wrong" | "unread"
  reason: string
}

const NOT_MEASURED: LedgerCheck = { result: "not_measured", acked: 0, lost: 0, wrong: 0, unread: 0, examples: [] }

/** One look, or none when the time is up. Undefined when the entry is there. */
async function lookFor(
  lab: Lab,
  read: Operation,
  entry: Entry,
  { clock, ends_ms, signal }: { clock: Clock; ends_ms: number; signal: AbortSignal | undefined },
): Promise<Missing | undefined> {
  const left_ms = ends_ms - clock.mono_ms()
  if (signal?.aborted || left_ms <= 0) return { entry, state: "unread", reason: "the time was up" }
  const timeout_ms = Math.min(lab.subject.workload?.timeout ?? left_ms, left_ms)
  const answer = await attempt(lab, read, entry, { clock, timeout_ms })
  return answer.holds ? undefined : { entry, ...judged(answer) }
}

function judged(answer: Attempt): Omit<Missing, "entry"> {
  if (answer.kind === "none") return { state: "unread", reason: answer.reason }
  const reason = `${answer.status} ${JSON.stringify(answer.body).slice(0, MAX_SHOWN_CHARS)}`
  if (answer.status === 404 || answer.status === 410) return { state: "lost", reason }
  const found = answer.status >= 200 && answer.status <= 299
  return { state: found ? "wrong" : "unread", reason }
}

/** Looks for all entries, `READERS` at once; returns those that are not there. */
async function lookForAll(
  look: (entry: Entry) => Promise<Missing | undefined>,
  entries: IterableIterator<Entry>,
): Promise<Missing[]> {
  const missing: Missing[] = []
  const reader = async () => {
    // All readers share the one iterator, so that each entry is taken once.
    for (const entry of entries) {
      const found = await look(entry)
      if (found) missing.push(found)
    }
  }
  await Promise.all(Array.from({ length: READERS }, reader))
  return missing
}

function* counted<T>(items: Iterable<T>, count: () => void): Generator<T> {
  for (const item of items) {
    count()
    yield item
  }
}

/** Nothing acknowledged is nothing measured: an empty ledger must not read as an intact one. */
function verdict(acked: number, missing: Missing[]): LedgerCheck {
  if (acked === 0) return NOT_MEASURED
  const of = (state: Missing["state"]) => missing.filter((one) => one.state === state)
  const [lost, wrong, unread] = [of("lost"), of("wrong"), of("unread")]
  const examples = [...lost, ...wrong, ...unread]
    .slice(0, MAX_EXAMPLES)
    .map(({ entry, state, reason }) => `${entry.key}: ${state}, ${reason}`)
  const harmed = lost.length + wrong.length > 0
  const result = harmed ? "lost" : unread.length > 0 ? "unreadable" : "intact"
  return { result, acked, lost: lost.length, wrong: wrong.length, unread: unread.length, examples }
}
