import { systemClock, waitUntil } from "../../../lib/clock.ts"
import { EnvironmentError, UsageError } from "../../../lib/errors.ts"
import { didYouMean } from "../../../lib/nearest.ts"
import { runBounded } from "../../../lib/run.ts"
import type { Lab } from "../../lab.ts"
import { render, type Rotation } from "../../render.ts"
import type { Subject } from "../../subject.ts"
import { commandEnvironment, labEnvironment } from "../environment.ts"
import { installPrograms } from "../programs.ts"
import { removeFolder } from "../remove-folder.ts"
import { endResidents } from "../residents.ts"
import { addressBook, type Found } from "./book.ts"
import { tellChanges } from "./changes.ts"
import { listContainers, sameProcess } from "./containers.ts"
import { dockerEngine, type Engine, patient } from "./engine.ts"
import { execIn } from "./exec.ts"
import { follow } from "./follow.ts"
import { readLogs } from "./logs.ts"
import { membershipOf } from "./membership.ts"
import { removeMountedFolder } from "./mounted-folder.ts"
import { composeAgain } from "./raise.ts"
import { removeLabelled } from "./remove.ts"

/** A container with a health check is asked every second or so; one without is there as soon as it runs. */
const START_TIMEOUT_MS = 15_000
const START_EVERY_MS = 50
const EXEC_OUTPUT_BYTES = 1024 * 1024

/** A lab whose nodes are containers. */
export interface DockerLab extends Lab {
  /** Learns where the nodes are. `nodes`, `start` and whatever `watchNodes` hears of do so, too. */
  refresh(): Promise<void>
}

/**
 * The lab of the Compose project `id`, which needs not be there; or `adopted`, a project that somebody else runs. Nothing is asked of
 * the engine yet.
 */
export function dockerLab(
  id: string,
  subject: Subject,
  dir: string,
  engine: Engine = dockerEngine(),
  adopted?: string,
): DockerLab {
  const rotation: Rotation = new Map()
  const book = addressBook(engine, { id, subject, dir, adopted })
  /** The node of a name; a service's name stands for its first. */
  const find = async (name: string): Promise<Found> => {
    const nodes = await book.look()
    const found = nodes.find((node) => node.name === name) ?? nodes.find((node) => node.service === name)
    if (found) return found
    const names = nodes.map((node) => node.name)
    throw new UsageError(`${id} has no node "${name}"${didYouMean(name, names)}`, {
      hint: `its nodes: ${names.join(", ")}`,
    })
  }

  const membership = membershipOf({ id, adopted })
  const lab: DockerLab = {
    id,
    subject,
    platform: "docker",
    adopted,
    dir,
    nodes: book.look,
    refresh: async () => void (await book.look()),
    watchNodes: (listener) => follow(engine, membership, systemClock, tellChanges(book.look, listener)),
    resolve: book.resolve,
    render: (template, values) => render(template, subject, { lab: dir, url: book.url }, rotation, values),
    environment: () => ({ ...labEnvironment(dir), DOCKER_HOST: engine.host }),
    start: async (name) => {
      const node = await find(name)
      if (node.state !== "exited") return
      if (node.id === undefined && adopted !== undefined) throw notOurs(lab, node.service)
      if (node.id === undefined) await composeAgain(lab, node.service)
      else await engine.request("POST", `/containers/${node.id}/start`)
      await untilUp(lab, node.name, find)
    },
    signal: async (node, action) => {
      const now = (await listContainers(engine, membership)).find((one) => one.name === node.name)
      if (!now || !sameProcess(now.process, node.process)) return false
      // Already so: the engine would refuse it.
      if (action !== "kill" && (now.state === "paused") === (action === "pause")) return true
      await engine.request("POST", `/containers/${now.id}/${VERBS[action]}`)
      return true
    },
    exec: async (command, { timeout_ms, node, signal }) => {
      const limits = { timeout_ms, max_bytes: EXEC_OUTPUT_BYTES, signal }
      const words = ["sh", "-c", command]
      if (node !== undefined) return execIn(engine, running(lab, await find(node)), words, limits)
      installPrograms(dir)
      return runBounded(words, { cwd: dir, env: { ...lab.environment(), ...commandEnvironment(dir) }, ...limits })
    },
    logs: async (name, { lines }) => {
      const { id: container } = await find(name)
      return container === undefined ? "" : readLogs(engine, container, lines)
    },
    // Of a project that somebody else runs nothing carries the label that is followed here.
    destroy: async ({ patience_ms = 0 } = {}) => {
      const residents = await endResidents(dir)
      const containers = await removeLabelled(patient(engine, patience_ms), id, { settle: residents > 0 })
      removeMountedFolder(dir)
      removeFolder(dir)
      return residents + containers
    },
  }
  return lab
}

// internal

const VERBS = { kill: "kill", pause: "pause", resume: "unpause" } as const

function notOurs({ id, adopted }: Lab, service: string): EnvironmentError {
  return new EnvironmentError(`${service} of ${id} is gone, and only whoever runs the project can make it again`, {
    hint: `docker compose -p ${adopted} up --detach ${service}, where its file is`,
  })
}

/** The container of a node in which something is to be run. */
function running(lab: Lab, { id, name, state }: Found): string {
  if (id === undefined) {
    throw new EnvironmentError(`${name} of ${lab.id} is gone: somebody has removed its container`, {
      hint: `docker ps -a --filter label=lab=${lab.id} shows what is there`,
    })
  }
  if (state === "running") return id
  throw new EnvironmentError(`${name} of ${lab.id} is ${state}, so nothing can be run in it`, {
    hint: state === "paused" ? `docker unpause ${name}` : `docker start ${name}`,
  })
}

/** Waits until a node that was started is healthy, or, without a health check, runs. */
async function untilUp(lab: Lab, name: string, find: (name: string) => Promise<Found>): Promise<void> {
  const up = async () => {
    const { state, health } = await find(name)
    return state === "exited" || health === undefined || health.status === "healthy"
  }
  await waitUntil(up, { timeout_ms: START_TIMEOUT_MS, every_ms: START_EVERY_MS })
  const { state } = await find(name)
  // One that runs and is not healthy may be waiting for another that is down.
  if (state !== "exited") return
  throw new EnvironmentError(`${name} of ${lab.id} was started, and has ended`, {
    hint: `operator logs ${lab.id} ${name}`,
  })
}
