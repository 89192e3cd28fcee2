import { availableParallelism } from "node:os"
import { findFault } from "../chaos/catalogue.ts"
import type { Platform } from "../lab/lab.ts"
import { textFor } from "../lab/per-platform.ts"
import { prepareLabs } from "../lab/raise.ts"
import type { Subject } from "../lab/subject.ts"
import { Interrupted, messageOf, UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"
import { isNoFault } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import { checkPair, NotHere } from "./check-pair.ts"
import type { Bench, PairSeen } from "./pair-moments.ts"
import { openBeside } from "./post.ts"
import { PARKED_MS, raiseStand } from "./stand.ts"
import { takeDown } from "./take-down.ts"

export interface FaultsOptions {
  platform: Platform
  /** Left out: every fault that the subject declares. */
  fault?: string | undefined
  /** Labs at once; left out: as many as this machine has processors, and no more than are of use. */
  parallel?: number | undefined
  /** How long a ticket may take to open, and the lab to be well again once it is repaired. */
  within_ms: number
  signal: AbortSignal
  /** Is given what happens, as it does. */
  tell(text: string): void
}

/** What became of one fault that a subject declares, with the invariants that are to notice it and the repair that is to mend it. */
export interface FaultCheck extends PairSeen {
  fault: string
  platform: Platform
  /** Where it was tried. */
  lab: string | null
  /** `not_here`: this platform or this machine cannot do it. */
  result: "ok" | "failed" | "not_here"
  /** Why, where it is not ok. */
  reason: string | null
}

/**
 * Tries every fault of a subject: is it confirmed, noticed as declared, repaired by what is declared, and undone by the harness? Some labs
 * at once, in each of which one fault follows the other; after one that failed, with a new lab. All of them are gone when this
 * resolves or rejects.
 */
export async function checkFaults(store: Store, subject: Subject, options: FaultsOptions): Promise<FaultCheck[]> {
  const { platform } = options
  const names = namesOf(subject, options.fault)
  const checks = new Map<string, FaultCheck>()
  for (const fault of names) {
    const known = knownBefore(subject, fault, platform)
    if (known) checks.set(fault, { ...blank(fault, platform), ...known })
  }
  const queue = names.filter((fault) => !checks.has(fault))
  if (queue.length > 0) await prepareLabs(subject, platform)

  const failing = new AbortController()
  const signal = AbortSignal.any([options.signal, failing.signal])
  const workers = Array.from({ length: Math.min(queue.length, options.parallel ?? labsAtOnce()) }, async () => {
    try {
      await workThrough(store, subject, queue, { ...options, signal }, (check) => checks.set(check.fault, check))
    } catch (error) {
      failing.abort()
      throw error
    }
  })
  const ends = await Promise.allSettled(workers)
  const errors = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []))
  // Of those that one failure has interrupted, none says why.
  if (errors.length > 0) throw errors.find((error) => !(error instanceof Interrupted)) ?? errors[0]
  return names.map((fault) => checks.get(fault)!)
}

// internal

/** Each lab has load, watch and guardian beside its nodes: more than this would measure the machine. */
const MAX_LABS = 4

function labsAtOnce(): number {
  return Math.min(MAX_LABS, availableParallelism())
}

function namesOf({ name, faults }: Subject, only: string | undefined): string[] {
  const names = Object.keys(faults)
  if (only === undefined) return names
  if (names.includes(only)) return [only]
  throw new UsageError(`${name} declares no fault "${only}"${didYouMean(only, names)}`, {
    hint: `it declares ${names.join(", ") || "none"}`,
  })
}

function blank(fault: string, platform: Platform): FaultCheck {
  const nothing = { confirmed: null, noticed: null, repaired_ms: null, healed_itself: false, reverted_ms: null }
  return { fault, platform, lab: null, result: "ok", reason: null, ...nothing }
}

/** What needs no lab to be said of a fault. */
function knownBefore(
  subject: Subject,
  name: string,
  platform: Platform,
): Pick<FaultCheck, "result" | "reason"> | undefined {
  const { noticed_by, repair } = subject.faults[name]!
  const { platforms, heals_itself } = findFault(name, subject)
  const notHere = (reason: string) => ({ result: "not_here" as const, reason })
  const failed = (reason: string) => ({ result: "failed" as const, reason })
  if (isNoFault(name)) return notHere("nothing is broken while somebody repairs")
  if (!platforms.includes(platform)) return notHere(`it does not work on ${platform} labs`)
  if (noticed_by.length === 0) return failed("it names no invariant that notices it")
  if (textFor(repair, platform) !== undefined || heals_itself) return undefined
  return repair === undefined ? failed("it declares no repair") : notHere(`it declares no repair for ${platform} labs`)
}

/** One pair after the other, in one lab for as long as they succeed. */
async function workThrough(
  store: Store,
  subject: Subject,
  queue: string[],
  { platform, within_ms, signal, tell }: FaultsOptions,
  done: (check: FaultCheck) => void,
): Promise<void> {
  while (queue.length > 0) {
    await using bench = await raiseBench(store, subject, { platform, signal, tell })
    const { lab } = bench.stand
    let well = true
    for (let fault = queue.shift(); fault !== undefined; fault = well ? queue.shift() : undefined) {
      const check = { ...blank(fault, platform), lab: lab.id }
      const here = (text: string) => tell(`${lab.id}  ${text}`)
      try {
        await checkPair(store, bench, fault, { seen: check, within_ms, tell: here })
      } catch (error) {
        if (signal.aborted) throw error
        check.result = error instanceof NotHere ? "not_here" : "failed"
        check.reason = messageOf(error)
        here(`${fault}: ${check.result === "failed" ? "FAILED" : "not here"}: ${check.reason}`)
        well = check.result === "not_here"
      }
      done(check)
    }
  }
}

async function raiseBench(
  store: Store,
  subject: Subject,
  { platform, signal, tell }: Pick<FaultsOptions, "platform" | "signal" | "tell">,
): Promise<Bench & AsyncDisposable> {
  const deadline_ms = subject.ready.timeout + PARKED_MS
  const stand = await raiseStand(store, { subject, platform, trial: null, deadline_ms, signal })
  tell(`${stand.lab.id}  is up`)
  try {
    const sandbox = await openBeside(store, stand)
    const end = async () => {
      await sandbox[Symbol.asyncDispose]()
      await takeDown(store, stand, { tell, strict: true })
    }
    return { stand, sandbox, [Symbol.asyncDispose]: end }
  } catch (error) {
    await takeDown(store, stand, { tell, strict: false })
    throw error
  }
}
