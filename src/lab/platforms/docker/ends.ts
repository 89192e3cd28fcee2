import { endOf } from "./containers.ts"

/** How containers have ended, each by its id, in a few words, as far as the engine has told. */
export type Ends = ReadonlyMap<string, string>

/** Remembers from the engine's events how containers have ended: of one that was started again the engine forgets it. */
export function listenForEnds(): { known: Ends; hear(event: string): void } {
  const known = new Map<string, string>()
  const out_of_memory = new Map<string, number>()
  return {
    known,
    hear: (event) => {
      const { Action, Actor, timeNano } = JSON.parse(event) as Told
      if (Action === "oom") remember(out_of_memory, Actor.ID, timeNano)
      if (Action !== "die") return
      const since_ms = (timeNano - (out_of_memory.get(Actor.ID) ?? 0)) / 1e6
      const exit_code = Number(Actor.Attributes.exitCode)
      remember(known, Actor.ID, endOf({ exit_code, out_of_memory: since_ms <= DIES_WITHIN_MS }))
    },
  }
}

// internal

/** An event of a container ("Monitor events"), as far as it is read. */
interface Told {
  Action: string
  Actor: { ID: string; Attributes: { exitCode?: string } }
  timeNano: number
}

/** What lacks memory is killed within milliseconds; later on, something else was. By the engine's own clock. */
const DIES_WITHIN_MS = 5_000
/** More containers than any lab has. */
const MAX_CONTAINERS = 1_000

function remember<T>(all: Map<string, T>, id: string, what: T): void {
  all.delete(id)
  all.set(id, what)
  for (const oldest of all.keys()) {
    if (all.size <= MAX_CONTAINERS) break
    all.delete(oldest)
  }
}
