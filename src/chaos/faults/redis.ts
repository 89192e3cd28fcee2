import { UsageError } from "../../lib/errors.ts"
import type { Subject } from "../../lab/subject.ts"
import type { Fault } from "../fault.ts"
import { nodeKill } from "./node-kill.ts"
import { nodePause } from "./node-pause.ts"
import { requireNodes } from "../targets.ts"

/** The store of others is gone: their connections end, and new ones are refused. */
export const redisKill = ofRedis(nodeKill, "redis_kill", "Kills the Redis server of a subject, which stays down")

/** The store of others is silent: their connections stay, and nothing is answered. */
export const redisPause = ofRedis(nodePause, "redis_pause", "Freezes the Redis server of a subject: its clients wait")

// internal

/** A fault of nodes, of the service that the subject names as its Redis. */
function ofRedis<Params, Plan>(fault: Fault<Params, Plan>, name: string, about: string): Fault<Params, Plan> {
  return {
    ...fault,
    name,
    about,
    plan: (lab, targets, params, draw) => {
      requireNodes(name, targets)
      return fault.plan(lab, targets, params, draw)
    },
    check: (subject: Subject) => {
      if (subject.faults[name]?.group !== undefined) return
      throw new UsageError(`${subject.name} does not say which of its services is Redis`, {
        hint: `declare it in the subject: faults: { ${name}: { group: SERVICE } }`,
      })
    },
  }
}
