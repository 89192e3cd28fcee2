import { EnvironmentError, messageOf } from "../../../lib/errors.ts"
import { type Engine, EngineRefusal } from "./engine.ts"
import { KITCHEN_IMAGE, provideKitchen } from "./kitchen-image.ts"
import { KITCHEN_LABEL, LAB_LABEL } from "./membership.ts"

/** A container of the harness's own in a lab. */
export interface Ours {
  /** What it is beside, for people. */
  name: string
  labels: Record<string, string>
  /** What it shares and what it may do, which is nothing unless it is said here. */
  host_config: Record<string, unknown>
}

/** Starts one that brings every tool, does nothing by itself, is hidden from agents, and goes with the lab. Gives its id. */
export async function startOurs(engine: Engine, lab: string, { name, labels, host_config }: Ours): Promise<string> {
  await provideKitchen(engine)
  const body = {
    Image: KITCHEN_IMAGE,
    Cmd: ["sleep", "infinity"],
    Labels: { [LAB_LABEL]: lab, [KITCHEN_LABEL]: "helper", ...labels },
    HostConfig: {
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      Tmpfs: { "/run": "", "/tmp": "" },
      Memory: MEMORY_BYTES,
      MemorySwap: MEMORY_BYTES,
      PidsLimit: PROCESSES,
      Init: true,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "none" },
      ...host_config,
    },
  }
  const created = await engine.request<{ Id: string }>("POST", "/containers/create", { body })
  if (!created) throw new EnvironmentError(`nothing can be done beside ${name}: its container is gone`)
  try {
    await engine.request("POST", `/containers/${created.Id}/start`)
    return created.Id
  } catch (error) {
    await removeOurs(engine, created.Id)
    throw error instanceof EngineRefusal ? refusedBeside(name, error) : error
  }
}

/** Without it nothing happens. */
export async function removeOurs(engine: Engine, id: string): Promise<void> {
  try {
    await engine.request("DELETE", `/containers/${id}`, { query: { force: "true" } })
  } catch (error) {
    // Somebody else is removing it.
    if (!(error instanceof EngineRefusal && error.status === 409)) throw error
  }
}

/** The engine does not let anything be done beside `name`. */
export function refusedBeside(name: string, cause: EngineRefusal): EnvironmentError {
  return new EnvironmentError(`nothing can be done beside ${name}: ${messageOf(cause)}`, { cause })
}

// internal

/** Scripts of a line or two. */
const MEMORY_BYTES = 256 * 1024 * 1024
const PROCESSES = 64
