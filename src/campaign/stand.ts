import { Interrupted, messageOf, OperatorError } from "../lib/errors.ts"
import { ownCommand } from "../lib/own-command.ts"
import { waitUntil } from "../lib/clock.ts"
import type { Guardian } from "../lab/guardian.ts"
import type { Lab, Platform } from "../lab/lab.ts"
import { lastWords } from "../lab/last-words.ts"
import { raiseLab } from "../lab/raise.ts"
import { startWorkload, type WorkloadProcess } from "../lab/workload/process.ts"
import { unreachable } from "../monitor/roll-call.ts"
import { type Monitor, startMonitor } from "../monitor/watch.ts"
import { sampleHostLoad } from "../store/host-load.ts"
import { setDeadline } from "../store/labs.ts"
import type { Subject } from "../lab/subject.ts"
import type { Store } from "../store/open.ts"
import { NOT_READY } from "./never-up.ts"

/** A guardian lets a trial run this much longer than the trial lets itself. */
const GUARDIAN_GRACE_MS = 120_000
/** How long a trial may be parked at *ready*: the one before it has its deadline, and may be made again. */
export const PARKED_MS = 6 * 3_600_000
const HOST_LOAD_EVERY_MS = 1_000
/** How often a wait looks whether its condition has come. Facts come from the log, and are finer than this. */
const LOOK_EVERY_MS = 20

export interface StandOptions {
  subject: Subject
  platform: Platform | undefined
  /** The trial to which its lab belongs. */
  trial: string | null
  /** From now; after it the guardian ends the lab. */
  deadline_ms: number
  /** Aborts when what it stands for is interrupted. */
  signal: AbortSignal
}

/** A lab with everything that a trial needs around it, each a process or a loop of its own. */
export interface Stand {
  lab: Lab
  guardian: Guardian
  workload: WorkloadProcess | undefined
  monitor: Monitor
  /** Resolves once every gate has held for `ready.stable`; rejects when they do not within `ready.timeout`. */
  ready(): Promise<void>
  /** From now on the guardian gives the lab what it needs to get ready, `deadline_ms`, and a grace. */
  startDeadline(deadline_ms: number): void
  /** Waits for a moment of the trial. False at `timeout_ms`; rejects when it is interrupted or a part of the stand died. */
  until(condition: () => boolean, timeout_ms: number): Promise<boolean>
  signal: AbortSignal
  /** Ends load and watch; guardian and lab stay. */
  quiet(): Promise<void>
}

export async function raiseStand(store: Store, options: StandOptions): Promise<Stand> {
  const { subject, platform, trial, deadline_ms, signal } = options
  const command = ownCommand("part", "guardian")
  const { lab, guardian } = await raiseLab(store, subject, {
    ...{ platform, trial, deadline_ms, guardian: command },
    // A trial is healed in good order, for which its lab must be up.
    signal: trial === null ? signal : undefined,
  })
  const workload = subject.workload && startWorkload(lab, { command: workloadCommand(store, lab) })
  const monitor = await startMonitor(store, lab)
  const stopHostLoad = watchHostLoad(store, lab.id)

  let lost: string | undefined
  let ending = false
  const loses = (part: string) => () => {
    if (!ending) lost ??= `${part} died`
  }
  void guardian.exited.then(loses("its guardian"))
  void workload?.exited.then(({ message }) => loses(`its workload${message === "" ? "" : ` (${lastLine(message)})`}`)())
  monitor.ended.then(loses("its monitor"), (error: unknown) => {
    lost ??= `its monitor failed: ${messageOf(error)}`
  })

  // Whatever the nodes do while nobody can see them, or while the engine takes them along, is not the agent's.
  monitor.onChange((change) => {
    const reason = unreachable(change)
    if (reason !== undefined && !ending) lost ??= `its lab could not be reached: ${reason}`
  })

  const stand: Stand = {
    lab,
    guardian,
    workload,
    monitor,
    signal,
    until: async (condition, timeout_ms) => {
      const over = () => signal.aborted || lost !== undefined || condition()
      const seen = await waitUntil(over, { timeout_ms, every_ms: LOOK_EVERY_MS, clock: store.clock, signal })
      if (signal.aborted) throw new Interrupted(`${lab.id} was interrupted`)
      if (lost !== undefined) throw new OperatorError(lost)
      return seen
    },
    ready: async () => {
      const { timeout, stable } = subject.ready
      if (await stand.until(() => monitor.holdsFor(stable), timeout)) return
      const failing = `${NOT_READY} ${timeout / 1_000} s: ${monitor.failing().join(", ")}`
      throw new OperatorError([failing, await lastWords(lab)].filter(Boolean).join("\n"))
    },
    startDeadline: (deadline_ms) => {
      const left_ms = subject.ready.timeout + deadline_ms + GUARDIAN_GRACE_MS
      setDeadline(store, lab.id, new Date(store.clock.now().getTime() + left_ms))
    },
    quiet: async () => {
      ending = true
      stopHostLoad()
      await workload?.stop()
      await monitor.stop()
    },
  }
  return stand
}

/** The command line of a lab's workload. */
export function workloadCommand(store: Store, lab: Lab): string[] {
  return [...ownCommand("part", "workload"), "--lab", lab.id, "--db", store.file]
}

// internal

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? ""

function watchHostLoad(store: Store, lab: string): () => void {
  let expected_ms = store.clock.mono_ms() + HOST_LOAD_EVERY_MS
  const timer = setInterval(() => {
    const now_ms = store.clock.mono_ms()
    sampleHostLoad(store, lab, Math.max(0, now_ms - expected_ms))
    expected_ms = now_ms + HOST_LOAD_EVERY_MS
  }, HOST_LOAD_EVERY_MS)
  return () => clearInterval(timer)
}
