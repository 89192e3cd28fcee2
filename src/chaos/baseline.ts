import { messageOf } from "../lib/errors.ts"
import type { Lab } from "../lab/lab.ts"
import type { Injection } from "../store/injections.ts"
import type { Store } from "../store/open.ts"
import { recordBaseline } from "../store/recovery.ts"
import { findFault } from "./catalogue.ts"

export interface Baseline {
  /** Null: nobody could tell. */
  felt: boolean | null
  evidence: string
}

/** After the end of a fault: looks by the checks that have confirmed it whether it is still felt, and writes down what was seen. */
export async function lookAgain(store: Store, lab: Lab, injection: Injection): Promise<Baseline> {
  const { confirm, heals_itself, probe } = findFault(injection.fault, lab.subject)
  try {
    // What has healed itself was confirmed by its trace, and that stays.
    if (confirm && !heals_itself) {
      const { confirmation, evidence } = await confirm(lab, injection.plan)
      return told(store, injection, { felt: confirmation === "confirmed", evidence })
    }
    const presence = await probe(lab, injection.plan)
    const evidence = presence === "active" ? "it is still seen" : "nothing of it is seen"
    return told(store, injection, { felt: presence === "active", evidence })
  } catch (error) {
    // Nobody knows; whether the lab is well again is for its gates to say.
    return told(store, injection, { felt: null, evidence: messageOf(error) })
  }
}

// internal

function told(store: Store, injection: Injection, seen: Baseline): Baseline {
  recordBaseline(store, injection, seen)
  return seen
}
