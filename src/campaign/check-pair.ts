import { DEFAULT_LIMITS } from "../agent/limits.ts"
import { runbookModel } from "../agent/model/runbook.ts"
import { work } from "../agent/work.ts"
import { inject, type Progress } from "../chaos/inject.ts"
import { keepUp, type Kept } from "../chaos/keep-up.ts"
import { presenceOf, revert } from "../chaos/revert.ts"
import { LabUnreachable } from "../lab/lab.ts"
import { showDuration } from "../lib/duration.ts"
import { EnvironmentError, messageOf, OperatorError } from "../lib/errors.ts"
import { clipped } from "../lib/text.ts"
import { chainHead, events } from "../store/events.ts"
import { getInjection, type Injection } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import { openTickets } from "../store/tickets.ts"
import { requireHidden } from "./hidden.ts"
import { type Bench, calm, notice, type Pair, wellAfter } from "./pair-moments.ts"
import { repairOf, repairText } from "./repair.ts"

/** Why a pair cannot be tried on this machine: no fault of the pair's. */
export class NotHere extends OperatorError {}

/**
 * Breaks a lab with a fault of its subject, waits for a ticket of an invariant that is to notice it, and has it repaired as declared; then
 * once more, with the harness's own revert for the repair. What is seen goes into `seen` of `how`; the first thing that is not as declared is thrown.
 */
export async function checkPair(
  store: Store,
  bench: Bench,
  fault: string,
  how: Pick<Pair, "seen" | "within_ms" | "tell">,
): Promise<void> {
  for (const [index, undo] of [repair, takeBack].entries()) {
    // Another seed, and so another node, where there is a choice.
    const options = { fault, target: "one", params: {}, seed: index + 1 }
    const pair: Pair = { store, bench, fault, options, ...how }
    await calm(pair)
    const injection = await broken(pair)
    await undo(pair, injection)
  }
}

// internal

/** Of what a command has printed. */
const MAX_SHOWN_CHARS = 300

/** Injects the fault and waits until it is noticed; nothing that it leaves in the lab may give it away. */
async function broken(pair: Pair): Promise<Injection> {
  const { store, bench, fault, options, seen, tell } = pair
  const { lab } = bench.stand
  const from = chainHead(store, lab.id).seq
  const told: Progress[] = []
  const injection = await inject(store, lab, options, (progress) => told.push(progress)).catch((error: unknown) => {
    // What is refused before its record is made changes nothing.
    throw isNotHere(error) && told.length === 0 ? new NotHere(messageOf(error)) : error
  })
  const { confirmation, evidence } = told.find((one) => one.step === "confirmed")!
  seen.confirmed ??= { confirmation, evidence }
  tell(`${fault}: ${confirmation} at ${injection.targets.join(", ") || lab.id}: ${evidence}`)
  if (confirmation === "ineffective") throw new OperatorError(`ineffective: ${evidence}`)
  const noticed = await notice(pair, from, injection.active_ms ?? store.clock.mono_ms())
  seen.noticed ??= noticed
  await requireHidden(lab, bench.sandbox, injection)
  tell(`${fault}: noticed by ${noticed.by} after ${showDuration(noticed.after_ms)}`)
  return injection
}

function isNotHere(error: unknown): boolean {
  return error instanceof EnvironmentError && !(error instanceof LabUnreachable)
}

/** Has the fault repaired as the oracle of a trial does: in a session of its own, by the declared commands, until the monitor agrees. */
async function repair(pair: Pair, injection: Injection): Promise<void> {
  const { store, bench, fault, options, seen, tell } = pair
  const { lab } = bench.stand
  const kept = keepUp(store, lab, injection, options)
  try {
    seen.healed_itself = (await presenceOf(lab, injection)) === "gone"
    const start_ms = store.clock.mono_ms()
    const declared = repairText(lab, fault) !== undefined
    const well_ms = declared ? await worked(pair, injection, start_ms) : await wellAfter(pair, start_ms)
    const left = await presenceOf(lab, kept.current())
    if (well_ms === undefined || left === "active") throw new OperatorError(unrepaired(pair, injection, kept))
    seen.repaired_ms = well_ms
    tell(`${fault}: ${seen.healed_itself ? "healed itself" : "repaired"} after ${showDuration(well_ms)}`)
  } finally {
    await kept.stop()
  }
  // What is left is its record, which is open.
  await revert(store, lab, kept.current())
}

/** Undefined when a command fails, or the lab is not well afterwards. */
async function worked(pair: Pair, injection: Injection, start_ms: number): Promise<number | undefined> {
  const { store, bench } = pair
  const { stand, sandbox } = bench
  const { lab } = stand
  let well_ms: number | undefined
  const from = chainHead(store, lab.id).seq
  const end = await work({
    ...{ store, lab: lab.id, brief: "", told: openTickets(store, lab.id), variant: "oracle" },
    shell: sandbox.shell,
    model: () => runbookModel({ name: "oracle", steps: repairOf(lab, injection), says: "" }),
    limits: DEFAULT_LIMITS,
    attempts: 1,
    verify: async () => {
      well_ms = await wellAfter(pair, start_ms)
      return well_ms !== undefined
    },
    signal: stand.signal,
  })
  return end === "verified" && failedCommands(store, lab.id, from).length === 0 ? well_ms : undefined
}

function failedCommands(store: Store, lab: string, from: number): string[] {
  return events(store, lab, { after: from, kinds: ["result"] }).flatMap(({ body }) => {
    const how = body.exit_code === null ? body.ended_by : `exit ${body.exit_code}`
    return body.exit_code === 0 ? [] : [`${how}: ${clipped(body.shown.trim(), MAX_SHOWN_CHARS)}`]
  })
}

function unrepaired({ store, bench: { stand } }: Pair, injection: Injection, kept: Kept): string {
  const { lab, monitor } = stand
  const planned = events(store, lab.id, { kinds: ["injection.planned"] }).find(
    ({ body }) => body.injection === injection.id,
  )
  const failed = failedCommands(store, lab.id, planned?.seq ?? 0)
  const failing = monitor.failing()
  const again = kept.current().id !== injection.id
  const whys = [
    ...failed.map((text) => `its command ended with ${text}`),
    ...(again ? ["it restarted the node, to which the fault was then applied again"] : []),
    ...(failing.length > 0 ? [`these gates fail: ${failing.join(", ")}`] : ["the fault is still there"]),
  ]
  return `not repaired: ${whys.join("; ")}`
}

/** Undoes the fault as the harness does. */
async function takeBack(pair: Pair, injection: Injection): Promise<void> {
  const { store, bench, fault, seen, tell } = pair
  const { lab, monitor } = bench.stand
  const start_ms = store.clock.mono_ms()
  const phase = await revert(store, lab, injection)
  if (phase !== "reverted" && phase !== "void") {
    const { reason } = getInjection(store, injection.id) ?? injection
    throw new OperatorError(`not reverted: ${reason ?? phase}`)
  }
  const well_ms = await wellAfter(pair, start_ms)
  if (well_ms === undefined) throw new OperatorError(`not well once it was reverted: ${monitor.failing().join(", ")}`)
  seen.reverted_ms = well_ms
  tell(`${fault}: reverted after ${showDuration(well_ms)}`)
}
