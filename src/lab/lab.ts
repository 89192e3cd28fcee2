import { EnvironmentError } from "../lib/errors.ts"
import type { ProcessId } from "../lib/process.ts"
import type { RunResult } from "../lib/run.ts"
import type { Subject } from "./subject.ts"

export const PLATFORMS = ["process", "docker"] as const
export type Platform = (typeof PLATFORMS)[number]

/** `exited` is also what was never started. */
export type NodeState = "running" | "paused" | "exited"

export interface Node {
  name: string
  service: string
  state: NodeState
  /** It has ended, and well, as its service is meant to. */
  finished?: boolean
  /** The process, or a container's first, while there is one; changes with each restart. A container's `started` also says which it is. */
  process?: ProcessId
  /** What its own health check says; left out where it has none. */
  health?: Health
  /** How its last process ended, where something is known of that: "killed for memory". */
  ended?: string
}

/** `starting`: the check has neither passed yet nor failed often enough. `said` is what it printed last. */
export interface Health {
  status: "starting" | "healthy" | "unhealthy"
  said: string
}

/** What runs the nodes of a lab does not answer, so that nothing can be said of them. */
export class LabUnreachable extends EnvironmentError {}

/** One running instance of a subject. What the rest of the house sees of it, whatever runs it. */
export interface Lab {
  readonly id: string
  readonly subject: Subject
  readonly platform: Platform
  /** The Compose project that somebody else runs, where that is the lab: it is watched and worked on, never broken or destroyed. */
  readonly adopted?: string | undefined
  /** The lab's folder on this machine. */
  readonly dir: string

  /** Every node as it is now, in the order of the subject: always a look at the world. */
  nodes(): Promise<Node[]>
  /**
   * Tells each change of a node's state or process, until the returned function is called: within `NODE_POLL_MS` on processes,
   * as the engine tells it with Docker.
   */
  watchNodes(listener: (node: Node) => void): () => void
  /** A URL that names a service, as this machine can reach it now; undefined while the service has no running node. */
  resolve(url: string): string | undefined
  /** Fills in `{lab}`, `{url:service}`, `{urls:group}`, `{any:group}` and whatever `values` names. */
  render(template: string, values?: Record<string, string>): string
  /** The environment in which a command of this lab runs: who reads it can tell that the process belongs to the lab. */
  environment(): Record<string, string>

  /** Starts a node and waits until it listens. Nothing happens when it is running. */
  start(node: string): Promise<void>
  /** Ends, freezes or thaws the very process that `node` names. False when that one is gone. */
  signal(node: Node, action: "kill" | "pause" | "resume"): Promise<boolean>
  /** Runs a shell command beside the nodes (process labs) or in one (Docker labs). Ends at `timeout_ms` with what was printed. */
  exec(command: string, options: { timeout_ms: number; node?: string; signal?: AbortSignal }): Promise<RunResult>
  /** The last `lines` lines of a node's log. */
  logs(node: string, options: { lines: number }): Promise<string>
  /**
   * Ends and removes everything of the lab: processes, running or stopped, containers, networks, volumes and its folder. Twice
   * does no harm. Returns how many processes and containers that were. What runs the nodes is asked again for `patience_ms`, should
   * it be away; left out, it is not waited for.
   */
  destroy(options?: { patience_ms?: number | undefined }): Promise<number>
}
