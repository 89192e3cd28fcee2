import { findFault } from "../chaos/catalogue.ts"
import { falseTicket } from "../chaos/faults/false-page.ts"
import { inject } from "../chaos/inject.ts"
import { keepUp } from "../chaos/keep-up.ts"
import { probe } from "../chaos/revert.ts"
import { AT_THE_END } from "../eval/facts.ts"
import { judge, type Judged } from "../eval/judge.ts"
import { briefOf } from "../lab/brief.ts"
import { PLATFORMS } from "../lab/lab.ts"
import { storedSubject } from "../lab/parse-subject.ts"
import { messageOf, OperatorError } from "../lib/errors.ts"
import { type Injection, isNoFault } from "../store/injections.ts"
import type { PagedTicket, Stage } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { enterStage, failWithoutLab, getTrial, type Trial } from "../store/trials.ts"
import { hireAgent } from "./agent.ts"
import { heal } from "./heal.ts"
import { healedAgain, leftAlone, settled, symptom } from "./moments.ts"
import { openPost } from "./post.ts"
import { PARKED_MS, raiseStand, type Stand } from "./stand.ts"
import { captureState } from "./state.ts"

export interface TrialOptions {
  /** Whether it may go on from *ready*. */
  released(): boolean
  signal: AbortSignal
}

/**
 * Runs one attempt at a trial: ready, break, watch, settle, heal, judge. Whatever happens, the lab is
 * gone when this resolves, and the store says what became of it. It stays at *ready* until `released`. `signal` interrupts:
 * the lab is healed all the same.
 */
export async function runTrial(store: Store, id: string, { released, signal }: TrialOptions): Promise<Judged> {
  const trial = getTrial(store, id)
  if (!trial) throw new OperatorError(`the store does not know the trial ${id}`)
  const stand = await standOf(store, trial, signal).catch((error: unknown) => giveUp(store, id, signal, error))
  if (stand) {
    const end = await breakAndWatch(store, trial, stand, released).catch((error: unknown) => failure(signal, error))
    const ill = await heal(store, id, stand).then(() => undefined, messageOf)
    const { stage, reason } = ill === undefined ? end : unhealed(end, ill)
    enterStage(store, id, stand.lab.id, stage, reason)
    // What could not be healed here is left to the guardian, which hears of it when this process ends.
    if (ill === undefined) await stand.guardian.goodbye()
  }
  const judged = await judge(store, getTrial(store, id) ?? trial)
  store.checkpoint()
  return judged
}

// internal

interface End {
  stage: Extract<Stage, "done" | "invalid" | "error">
  reason: string | null
}

/** Whatever came of a trial whose lab is still there: nothing is to be judged by it. */
function unhealed({ stage, reason }: End, ill: string): End {
  const why = `its lab could not be healed: ${ill}`
  return { stage: "error", reason: stage === "error" && reason !== null ? `${reason}; ${why}` : why }
}

async function standOf(store: Store, trial: Trial, signal: AbortSignal): Promise<Stand> {
  const subject = await storedSubject(store, trial)
  const platform = PLATFORMS.find((known) => known === trial.environment.lab_platform)
  const deadline_ms = subject.ready.timeout + PARKED_MS
  return raiseStand(store, { subject, platform, trial: trial.id, deadline_ms, signal })
}

/** From a lab that is being prepared to the moment at which it may be healed. */
async function breakAndWatch(store: Store, trial: Trial, stand: Stand, released: () => boolean): Promise<End> {
  const { lab } = stand
  const enter = (stage: Stage) => enterStage(store, trial.id, lab.id, stage)
  await using post = await openPost(store, trial, stand)
  enter("ready")
  if (!(await stand.until(released, PARKED_MS))) throw new OperatorError("nobody let it go on")
  stand.startDeadline(trial.limits.deadline_ms)
  await stand.ready()
  // Before anything is broken: whoever is on call has known the addresses for long.
  const brief = briefOf(lab)
  const { fault, target, params, seed } = trial
  const { calls } = findFault(fault, lab.subject)
  if (calls !== "too_late") await captureState(store, lab, "before")

  enter("injecting")
  // Whoever writes `majority` into a campaign means it.
  const options = { fault, target, params, seed, allow_quorum_loss: true }
  const injection = await inject(store, lab, options)
  if (injection.confirmation === "ineffective") return { stage: "invalid", reason: "ineffective" }
  const told = calls && (await calledTo(calls, store, trial, stand, injection))
  if (told === "no_symptom") return { stage: "invalid", reason: told }

  enter("watching")
  const kept = keepUp(store, lab, injection, options, trial.on_restart)
  const agent = hireAgent(store, trial, stand, post, { injection, brief, ...(told && { told }) })
  try {
    if (told) await leftAlone(trial, stand, agent)
    else {
      const noticed = await symptom(store, trial, stand)
      if (!isNoFault(fault) && !noticed) return { stage: "invalid", reason: "no_symptom" }
      if (noticed) enter("settling")
      if (noticed) await settled(store, trial, stand, agent, injection.active_ms ?? store.clock.mono_ms())
    }
  } finally {
    await agent.dismiss()
    await kept.stop()
  }
  await probe(store, lab, kept.current(), AT_THE_END)
  return { stage: "done", reason: null }
}

/** The tickets that an agent is called to although nothing is broken, or not any longer. */
async function calledTo(
  calls: "for_nothing" | "too_late",
  store: Store,
  trial: Trial,
  stand: Stand,
  injection: Injection,
): Promise<PagedTicket[] | "no_symptom"> {
  if (calls === "for_nothing") return [falseTicket(injection, store.clock.now())]
  const tickets = await healedAgain(store, trial, stand, injection)
  // What the agent is to leave as it is, is the state after the fault.
  if (tickets !== "no_symptom") await captureState(store, stand.lab, "before")
  return tickets
}

function failure(signal: AbortSignal, error: unknown): End {
  return { stage: "error", reason: signal.aborted ? "interrupted" : messageOf(error) }
}

/** Nothing stands yet, or only a part of a lab, which its guardian removes once it is let go of. */
function giveUp(store: Store, id: string, signal: AbortSignal, error: unknown): undefined {
  const { reason } = failure(signal, error)
  const lab = getTrial(store, id)?.lab
  if (lab) enterStage(store, id, lab, "error", reason)
  else failWithoutLab(store, id, reason ?? "")
}
