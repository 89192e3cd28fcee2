import { waitUntil } from "../../../lib/clock.ts"
import { EnvironmentError } from "../../../lib/errors.ts"
import { dockerEngine, EngineRefusal } from "./engine.ts"
import { KITCHEN_IMAGE, provideKitchen } from "./kitchen-image.ts"
import { LAB_LABEL } from "./membership.ts"

/** A container in a lab that is no node of it and that everybody there sees. It goes with the lab. */
export interface Client {
  name: string
  /** The container whose network it joins. */
  beside: string
  command: string[]
  cpus: number
}

/** Starts it. Twice is as once. */
export async function startClient(lab: string, { name, beside, command, cpus }: Client): Promise<void> {
  const engine = dockerEngine()
  if (await engine.request("GET", `/containers/${name}/json`)) return
  await provideKitchen(engine)
  const target = await engine.request<{ HostConfig: { NetworkMode: string } }>("GET", `/containers/${beside}/json`)
  if (!target) throw new EnvironmentError(`${name} cannot be started: the container that it was to join is gone`)
  const made = await engine.request<{ Id: string }>("POST", "/containers/create", {
    query: { name },
    body: {
      Image: KITCHEN_IMAGE,
      Cmd: command,
      Labels: { [LAB_LABEL]: lab },
      HostConfig: {
        NetworkMode: target.HostConfig.NetworkMode,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        Memory: MEMORY_BYTES,
        MemorySwap: MEMORY_BYTES,
        NanoCpus: Math.round(cpus * 1e9),
        PidsLimit: PROCESSES,
        Init: true,
        RestartPolicy: { Name: "no" },
        LogConfig: { Type: "none" },
      },
    },
  })
  if (!made) throw new EnvironmentError(`${name} cannot be started: there is no image ${KITCHEN_IMAGE}`)
  await engine.request("POST", `/containers/${made.Id}/start`)
}

/** How many packets it has sent so far; undefined when it does not run. */
export async function clientTraffic({ name }: Client): Promise<number | undefined> {
  const engine = dockerEngine()
  const { State } = (await engine.request<{ State: { Running: boolean } }>("GET", `/containers/${name}/json`)) ?? {}
  if (!State?.Running) return undefined
  const query = { stream: "false", "one-shot": "true" }
  const stats = await engine.request<Stats>("GET", `/containers/${name}/stats`, { query })
  return Object.values(stats?.networks ?? {}).reduce((sum, { tx_packets }) => sum + tx_packets, 0)
}

/** Removes it, running or not, if it is there. Whoever does so already is waited for. */
export async function removeClient({ name }: Client): Promise<void> {
  const engine = dockerEngine()
  const isGone = async () => (await engine.request("GET", `/containers/${name}/json`)) === undefined
  try {
    await engine.request("DELETE", `/containers/${name}`, { query: { force: "true" } })
  } catch (error) {
    if (!(error instanceof EngineRefusal && error.status === 409)) throw error
    if (!(await waitUntil(isGone, { timeout_ms: REMOVED_WITHIN_MS, every_ms: 50 }))) throw error
  }
}

// internal

const MEMORY_BYTES = 256 * 1024 * 1024
const PROCESSES = 64
/** A busy engine takes seconds for one. */
const REMOVED_WITHIN_MS = 10_000

interface Stats {
  networks?: Record<string, { tx_packets: number }>
}
