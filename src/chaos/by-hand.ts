import { waitUntil } from "../lib/clock.ts"
import { showDuration } from "../lib/duration.ts"
import { Interrupted, UsageError } from "../lib/errors.ts"
import type { Lab } from "../lab/lab.ts"
import { dismissHelpers } from "../lab/platforms/docker/helper.ts"
import { getInjection, type Injection, injectionsOf, isOpen } from "../store/injections.ts"
import type { Phase } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import type { Steps } from "./fault.ts"
import { inject, type InjectOptions, plan, type Planned, type Progress } from "./inject.ts"
import { MAX_LASTING_MS } from "./look-after.ts"
import { revert } from "./revert.ts"

export interface ByHand extends Omit<InjectOptions, "lasts_ms"> {
  /** After which it is taken back, and waited for until then. Left out: it stays, though not longer than `MAX_LASTING_MS`. */
  for_ms: number | undefined
  /** Aborts when whoever asked for it wants it back. */
  signal: AbortSignal
}

/** `undone`: what a failed injection had done so far. */
export type Told = Progress | { step: "waiting"; expires_at: string } | { step: "undone"; phase: Phase }

/** How often it is looked whether somebody else has undone what is waited for. */
const LOOK_EVERY_MS = 50

/**
 * Injects for a person: what fails half-way, has no effect, is interrupted or has lasted long enough is taken back before this ends. The
 * end is on record before the first change, so that the lab's guardian takes it back when this process cannot.
 */
export async function injectByHand(
  store: Store,
  lab: Lab,
  { for_ms, signal, ...options }: ByHand,
  tell: (told: Told) => void,
): Promise<Injection> {
  const lasts_ms = lastingOf(for_ms)
  let begun: string | undefined
  const hear = (progress: Progress) => {
    if (progress.step === "planned") begun = progress.injection.id
    tell(progress)
  }
  const undo = async () => {
    const injection = begun === undefined ? undefined : getInjection(store, begun)
    if (injection && isOpen(injection)) tell({ step: "undone", phase: await revert(store, lab, injection) })
  }
  try {
    const injection = await inject(store, lab, { ...options, lasts_ms, signal }, hear)
    const stays = for_ms === undefined && injection.confirmation !== "ineffective"
    if (stays && !signal.aborted) return injection
    if (injection.confirmation !== "ineffective") await untilOver(store, injection, signal, tell)
  } catch (error) {
    await undo()
    throw error
  }
  await undo()
  if (signal.aborted) throw new Interrupted(`${options.fault} in ${lab.id} was interrupted, and undone`)
  return getInjection(store, begun!)!
}

/** What an injection would do, and how it would be undone, after every look that it takes. Nothing is changed or recorded. */
export async function rehearse(
  store: Store,
  lab: Lab,
  { for_ms, signal: _, ...options }: ByHand,
): Promise<Planned["injection"] & { steps: Steps | null }> {
  const { fault, injection } = await plan(store, lab, { ...options, lasts_ms: lastingOf(for_ms) })
  // Some looks are made from beside a node.
  if (lab.platform === "docker" && !injectionsOf(store, lab.id).some(isOpen)) await dismissHelpers(lab.id, "all")
  return { ...injection, steps: fault.steps?.(lab, injection.plan) ?? null }
}

// internal

function lastingOf(for_ms: number | undefined): number {
  if (for_ms === undefined) return MAX_LASTING_MS
  if (for_ms > 0 && for_ms <= MAX_LASTING_MS) return for_ms
  throw new UsageError(`a fault lasts more than 0 ms, and no longer than ${showDuration(MAX_LASTING_MS)}`, {
    hint: "inject it again when it is over",
  })
}

/** Until it is to end, somebody else has ended it, or it is wanted back. */
async function untilOver(
  store: Store,
  { id, expires_at }: Injection,
  signal: AbortSignal,
  tell: (told: Told) => void,
): Promise<void> {
  const left_ms = Date.parse(expires_at ?? "") - store.clock.now().getTime()
  if (left_ms <= 0) return
  tell({ step: "waiting", expires_at: expires_at! })
  const over = () => !isOpen(getInjection(store, id)!)
  await waitUntil(over, { timeout_ms: left_ms, every_ms: LOOK_EVERY_MS, clock: store.clock, signal })
}
