import { EnvironmentError, messageOf } from "../../../lib/errors.ts"
import type { RunResult } from "../../../lib/run.ts"
import { type Container, labelFilter, listContainers, listLabelled } from "./containers.ts"
import { dockerEngine, type Engine, EngineRefusal } from "./engine.ts"
import { execIn } from "./exec.ts"
import { KITCHEN_IMAGE, provideKitchen } from "./kitchen-image.ts"
import { KITCHEN_LABEL, LAB_LABEL, membershipOf } from "./membership.ts"

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

/**
 * Runs a bash script beside a node: in a container of ours that shares a part of it and brings every tool, so that the node's own image
 * needs none. The container stays for the next script, is hidden from agents, and goes with the lab. Works while the node is paused.
 * Throws an EnvironmentError when the node does not run.
 */
export async function help(
  lab: string,
  node: Incarnation,
  script: string,
  { share, timeout_ms }: HelpOptions,
): Promise<RunResult> {
  const engine = dockerEngine()
  const run = async () => {
    const helper = (await findHelper(engine, lab, node, share)) ?? (await startHelper(engine, lab, node, share))
    return execIn(engine, helper, ["bash", "-c", script], { timeout_ms, max_bytes: OUTPUT_BYTES })
  }
  try {
    return await run()
  } catch (error) {
    // Somebody has removed it between the look and the script.
    if (!(error instanceof EngineRefusal)) throw error
    return run()
  }
}

/** Removes the helpers of a lab. */
export async function dismissHelpers(lab: string): Promise<void> {
  const engine = dockerEngine()
  const found = await listLabelled(engine, membershipOf({ id: lab }))
  await Promise.all(found.flatMap(({ Id, Labels }) => (SHARES in Labels ? [remove(engine, Id)] : [])))
}

// internal

const OUTPUT_BYTES = 1024 * 1024

const SHARES = "shares"
const BESIDE = "beside"

/** Scripts of a line or two. */
const MEMORY_BYTES = 256 * 1024 * 1024
const PROCESSES = 64

const CAPABILITIES: Record<Shared, string[]> = {
  network: ["NET_ADMIN", "NET_RAW"],
  // A node's first process takes no SIGKILL and no SIGSTOP from inside of its container.
  machine: ["KILL"],
}

function besides({ container, started }: Incarnation): string {
  return `${container} ${started}`
}

async function findHelper(engine: Engine, lab: string, node: Incarnation, share: Shared): Promise<string | undefined> {
  const { filters } = labelFilter(membershipOf({ id: lab }), { status: ["running"] })
  const listed = await engine.request<{ Id: string; Labels: Record<string, string> }[]>("GET", "/containers/json", {
    query: { filters: filters ?? "" },
  })
  return listed?.find(({ Labels }) => Labels[BESIDE] === besides(node) && Labels[SHARES] === share)?.Id
}

async function startHelper(engine: Engine, lab: string, node: Incarnation, share: Shared): Promise<string> {
  await provideKitchen(engine)
  const body = {
    Image: KITCHEN_IMAGE,
    Cmd: ["sleep", "infinity"],
    Labels: { [LAB_LABEL]: lab, [KITCHEN_LABEL]: "helper", [SHARES]: share, [BESIDE]: besides(node) },
    HostConfig: {
      ...sharing(node, share),
      CapDrop: ["ALL"],
      CapAdd: CAPABILITIES[share],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      Tmpfs: { "/run": "", "/tmp": "" },
      Memory: MEMORY_BYTES,
      MemorySwap: MEMORY_BYTES,
      PidsLimit: PROCESSES,
      // Among the processes of the machine it is not the first one, and reaps nothing.
      Init: share !== "machine",
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "none" },
    },
  }
  const created = await engine.request<{ Id: string }>("POST", "/containers/create", { body })
  if (!created) throw new EnvironmentError(`nothing can be done beside ${node.node}: its container is gone`)
  try {
    await engine.request("POST", `/containers/${created.Id}/start`)
    return created.Id
  } catch (error) {
    await remove(engine, created.Id)
    if (!(error instanceof EngineRefusal)) throw error
    throw new EnvironmentError(`nothing can be done beside ${node.node}: ${messageOf(error)}`, { cause: error })
  }
}

async function remove(engine: Engine, id: string): Promise<void> {
  await engine.request("DELETE", `/containers/${id}`, { query: { force: "true" } })
}

function sharing({ container }: Incarnation, share: Shared) {
  return share === "network" ? { NetworkMode: `container:${container}` } : { NetworkMode: "none", PidMode: "host" }
}
