import type { Engine } from "../../../lab/platforms/docker/engine.ts"
import { type ExecProcess, startExec } from "./exec.ts"
import { SUPERVISE } from "./supervise.ts"

/** A supervisor in a kitchen that has no command yet. */
export interface Supervisor {
  process: ExecProcess
  /** Whoever is to hear what it prints from now on, and what it has printed already: why it could not be started. */
  hear(listener: (chunk: Uint8Array) => void): void
  /** It has gone, with the kitchen or by somebody's hand. */
  gone(): boolean
}

export interface SupervisorPlace {
  engine: Engine
  container: string
  env: Record<string, string>
}

/** Starts one, which takes the engine some 60 ms. A problem is a value. */
export async function startSupervisor({ engine, container, env }: SupervisorPlace): Promise<Supervisor | string> {
  const unheard: Uint8Array[] = []
  let listener = (chunk: Uint8Array): void => {
    if (unheard.length < UNHEARD_CHUNKS) unheard.push(chunk)
  }
  const argv = ["/usr/bin/perl", "-e", SUPERVISE]
  const exec = await startExec(engine, container, { argv, env, onOutput: (chunk) => listener(chunk) })
  if (exec.kind === "refused") return exec.problem
  let gone = false
  void exec.process.closed.then(() => (gone = true))
  return {
    process: exec.process,
    hear(next) {
      listener = next
      for (const chunk of unheard.splice(0)) next(chunk)
    },
    gone: () => gone,
  }
}

/** Keeps one ready, so that a command does not wait for its start. */
export function spareSupervisor(place: SupervisorPlace) {
  let spare: ReturnType<typeof startSupervisor> | undefined
  const prepare = () => {
    spare ??= startSupervisor(place)
  }
  return {
    prepare,
    /** The one that is ready, or undefined when it is not fit: then the kitchen may be, or may not. */
    async take(): Promise<Supervisor | undefined> {
      const ready = await spare
      spare = undefined
      if (ready === undefined || typeof ready === "string") return undefined
      if (!ready.gone() && (await isRunning(place))) return ready
      ready.process.release()
      return undefined
    },
  }
}

// internal

/** The engine's own words, when it cannot start it after all. */
const UNHEARD_CHUNKS = 16

/** In a kitchen that is paused, one would take an order and not follow it. */
async function isRunning({ engine, container }: SupervisorPlace): Promise<boolean> {
  const { State } = (await engine
    .request<{ State: { Running: boolean; Paused: boolean } }>("GET", `/containers/${container}/json`)
    .catch(() => undefined)) ?? { State: { Running: false, Paused: false } }
  return State.Running && !State.Paused
}
