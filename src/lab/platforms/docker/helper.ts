import type { RunResult } from "../../../lib/run.ts"
import { type Container, labelFilter, type Listed, listContainers, listLabelled } from "./containers.ts"
import { dockerEngine, type Engine, EngineRefusal } from "./engine.ts"
import { execIn } from "./exec.ts"
import { LAB_LABEL, membershipOf } from "./membership.ts"
import { type Ours, refusedBeside, removeOurs, startOurs } from "./ours.ts"

/** What a helper sees: the network of the container beside which it runs, or the processes of the whole machine. */
export type Shared = "network" | "machine"

export interface HelpOptions {
  share: Shared
  timeout_ms: number
}

/** Which container of a node, and which of its lives: a restart gives it new namespaces. */
export interface Incarnation {
  /** The node's name. */
  node: string
  container: string
  started: string
}

/** The containers of a lab's nodes, as they are now. */
export function containersOf(lab: string): Promise<Container[]> {
  return listContainers(dockerEngine(), membershipOf({ id: lab }))
}

export function incarnation({ name, id, process }: Container): Incarnation {
  return { node: name, container: id, started: process?.started ?? "" }
}

/** Where a helper has the volume with which it was started. */
export const VOLUME_AT = "/volume"

/**
 * Runs a bash script beside a node: in a container of ours that shares a part of it and brings every tool, so that the node's own image
 * needs none. The container stays for the next script, with whatever a script has left running there, is hidden from agents, and goes with
 * the lab. Works while the node is paused. When somebody removes it meanwhile, the script runs again in a new one: twice must be as once.
 * Throws an EnvironmentError when the node does not run.
 */
export async function help(
  lab: string,
  node: Incarnation,
  script: string,
  { share, timeout_ms }: HelpOptions,
): Promise<RunResult> {
  return helpAt(lab, besideNode(node, share), script, timeout_ms)
}

/**
 * The same with a volume of the lab at VOLUME_AT, whatever has become of the containers that use it. One that is not there is made, so
 * it is to be looked for before.
 */
export async function helpWithVolume(
  lab: string,
  volume: string,
  script: string,
  { timeout_ms }: Pick<HelpOptions, "timeout_ms">,
): Promise<RunResult> {
  return helpAt(lab, besideVolume(lab, volume), script, timeout_ms)
}

/** Removes the helpers of a lab, or those beside nodes' past lives alone, where they are of no use to anybody. */
export async function dismissHelpers(lab: string, which: "all" | "past"): Promise<void> {
  const engine = dockerEngine()
  const found = (await listLabelled(engine, membershipOf({ id: lab }))).filter(({ Labels }) => SHARES in Labels)
  const living = which === "all" || found.length === 0 ? [] : (await containersOf(lab)).map(incarnation).map(besides)
  const isOver = ({ Labels }: Listed) => Labels[SHARES] !== VOLUME && !living.includes(Labels[BESIDE] ?? "")
  const gone = which === "all" ? found : found.filter(isOver)
  await Promise.all(gone.map(({ Id }) => removeOurs(engine, Id)))
}

// internal

async function helpAt(lab: string, place: Ours, script: string, timeout_ms: number): Promise<RunResult> {
  const engine = dockerEngine()
  for (let tries = 1; ; tries++) {
    try {
      const helper = (await findHelper(engine, lab, place)) ?? (await startOurs(engine, lab, place))
      const ran = await execIn(engine, helper, ["bash", "-c", script], { timeout_ms, max_bytes: OUTPUT_BYTES })
      if (ran.exit_code === 0 || ran.timed_out || tries === TRIES || (await isRunning(engine, helper))) return ran
    } catch (error) {
      if (!(error instanceof EngineRefusal)) throw error
      if (tries === TRIES) throw refusedBeside(place.name, error)
    }
  }
}

const OUTPUT_BYTES = 1024 * 1024

/** Whoever has done with a lab removes its helpers, perhaps while another is at work in one. */
const TRIES = 3

const SHARES = "shares"
const BESIDE = "beside"
const VOLUME = "volume"

const CAPABILITIES: Record<Shared, string[]> = {
  network: ["NET_ADMIN", "NET_RAW"],
  // A node's first process takes no SIGKILL and no SIGSTOP from inside of its container.
  machine: ["KILL"],
}

const VOLUME_MEMORY_BYTES = 2 * 1024 * 1024 * 1024

/** To write where only a node's own user may, and to give it what was written. */
const VOLUME_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER"]

function besideNode({ node, container, started }: Incarnation, share: Shared): Ours {
  const sharing =
    share === "network" ? { NetworkMode: `container:${container}` } : { NetworkMode: "none", PidMode: "host" }
  // Among the processes of the machine it is not the first one, and reaps nothing.
  const host_config = { ...sharing, CapAdd: CAPABILITIES[share], Init: share !== "machine" }
  return { name: node, labels: { [SHARES]: share, [BESIDE]: besides({ container, started }) }, host_config }
}

function besides({ container, started }: Pick<Incarnation, "container" | "started">): string {
  return `${container} ${started}`
}

function besideVolume(lab: string, volume: string): Ours {
  const options = { Labels: { [LAB_LABEL]: lab } }
  const mount = { Type: "volume", Source: volume, Target: VOLUME_AT, VolumeOptions: options }
  const host_config = {
    ...{ NetworkMode: "none", Mounts: [mount], CapAdd: VOLUME_CAPABILITIES, Init: true },
    // What is written to a volume in memory is charged to whoever writes it.
    ...{ Memory: VOLUME_MEMORY_BYTES, MemorySwap: VOLUME_MEMORY_BYTES },
  }
  return { name: volume, labels: { [SHARES]: VOLUME, [BESIDE]: volume }, host_config }
}

async function findHelper(engine: Engine, lab: string, { labels }: Ours): Promise<string | undefined> {
  const { filters } = labelFilter(membershipOf({ id: lab }), { status: ["running"] })
  const listed = await engine.request<{ Id: string; Labels: Record<string, string> }[]>("GET", "/containers/json", {
    query: { filters: filters ?? "" },
  })
  return listed?.find(({ Labels }) => Labels[BESIDE] === labels[BESIDE] && Labels[SHARES] === labels[SHARES])?.Id
}

async function isRunning(engine: Engine, id: string): Promise<boolean> {
  const found = await engine.request<{ State: { Running: boolean } }>("GET", `/containers/${id}/json`)
  return found?.State.Running === true
}
