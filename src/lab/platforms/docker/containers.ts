import type { Health, Node, NodeState } from "../../lab.ts"
import type { Engine } from "./engine.ts"
import { type Filter, labelOf, type Membership } from "./membership.ts"

/** Compose writes these on every container that it makes. */
const SERVICE_LABEL = "com.docker.compose.service"
const NUMBER_LABEL = "com.docker.compose.container-number"
const ONE_OFF_LABEL = "com.docker.compose.oneoff"
/** "db:service_healthy:false,init:service_completed_successfully:false" */
const DEPENDS_LABEL = "com.docker.compose.depends_on"

/** A node's container as it is now. */
export interface Container extends Node {
  id: string
  /** Which instance of its service, from 1. */
  number: number
  /** Where this machine reaches it; undefined while it does not run. */
  address: string | undefined
  exit_code: number
  /** The services that it waited for until they had ended. */
  awaited: string[]
}

/** The label filter of the engine's list and prune calls, and of its events. */
export function labelFilter(by: Filter, more: Record<string, string[]> = {}): Record<string, string> {
  return { filters: JSON.stringify({ label: [labelOf(by)], ...more }) }
}

/** A container as the engine's list has it. */
export interface Listed {
  Id: string
  Image: string
  ImageID: string
  Labels: Record<string, string>
}

/** The containers with a label, whether or not they run. */
export async function listLabelled(
  engine: Engine,
  by: Filter,
  limits: { timeout_ms?: number } = {},
): Promise<Listed[]> {
  const query = { all: "true", ...labelFilter(by) }
  return (await engine.request<Listed[]>("GET", "/containers/json", { query, ...limits })) ?? []
}

/** The containers of a lab's services. What somebody else started in it, with `docker run` for instance, is no node. */
export async function listContainers(engine: Engine, membership: Membership): Promise<Container[]> {
  const listed = await listLabelled(engine, membership)
  const nodes = listed.filter(({ Labels }) => serviceOf(Labels) !== undefined)
  const inspected = await Promise.all(nodes.map(({ Id }) => engine.request<Inspected>("GET", `/containers/${Id}/json`)))
  // One that was removed in between is gone.
  const found = inspected.filter((one) => one !== undefined)
  return found.map((one) => containerOf(one, found)).sort((a, b) => a.number - b.number)
}

/** The service that a container with these labels is an instance of; undefined for a single command, and for what Compose has not made. */
export function serviceOf(labels: Record<string, string>): string | undefined {
  return labels[ONE_OFF_LABEL] === "True" ? undefined : labels[SERVICE_LABEL]
}

/** Which incarnation of a container runs: the same id and start mean the same process. */
export function sameProcess(a: Node["process"], b: Node["process"]): boolean {
  return a !== undefined && a.pid === b?.pid && a.started === b.started
}

/** How a process has ended, in a few words. */
export function endOf({ exit_code, out_of_memory }: { exit_code: number; out_of_memory: boolean }): string {
  return out_of_memory ? "killed for memory" : `code ${exit_code}`
}

// internal

interface Inspected {
  Id: string
  Name: string
  State: {
    Status: string
    Pid: number
    StartedAt: string
    ExitCode: number
    OOMKilled: boolean
    Health?: { Status: "none" | Health["status"]; Log: { Output: string }[] | null }
  }
  Config: { Labels: Record<string, string> }
  HostConfig: { NetworkMode: string }
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> }
}

const STATES: Record<string, NodeState> = { running: "running", paused: "paused" }

function containerOf(one: Inspected, all: Inspected[]): Container {
  const state = STATES[one.State.Status] ?? "exited"
  const health = healthOf(one)
  const there = state !== "exited"
  const has_ended = !there && one.State.Status !== "created"
  return {
    id: one.Id,
    name: one.Name.replace(/^\//, ""),
    service: one.Config.Labels[SERVICE_LABEL] ?? "",
    number: Number(one.Config.Labels[NUMBER_LABEL] ?? 1),
    state,
    // The pid alone would do on this machine; an engine in a virtual machine has pids of its own.
    ...(there && { process: { pid: one.State.Pid, started: `${one.Id.slice(0, 12)} ${one.State.StartedAt}` } }),
    ...(has_ended && { ended: endOf({ exit_code: one.State.ExitCode, out_of_memory: one.State.OOMKilled }) }),
    ...(health && { health }),
    address: there ? addressOf(one, all) : undefined,
    exit_code: one.State.ExitCode,
    awaited: awaitedBy(one.Config.Labels[DEPENDS_LABEL] ?? ""),
  }
}

function awaitedBy(depends_on: string): string[] {
  const pairs = depends_on.split(",").map((one) => one.split(":"))
  return pairs.flatMap(([name = "", condition]) => (condition === "service_completed_successfully" ? [name] : []))
}

/** Of what a check has printed, the end. */
const MAX_SAID_CHARS = 300

function healthOf({ State }: Inspected): Health | undefined {
  const { Status, Log } = State.Health ?? { Status: "none" as const, Log: null }
  if (Status === "none") return undefined
  return { status: Status, said: (Log?.at(-1)?.Output ?? "").trim().slice(-MAX_SAID_CHARS) }
}

/** Its own address, or that of the container, or of this machine, whose network it shares. */
function addressOf(one: Inspected, all: Inspected[]): string | undefined {
  if (one.HostConfig.NetworkMode === "host") return "127.0.0.1"
  const shared = /^container:(.+)$/.exec(one.HostConfig.NetworkMode)?.[1]
  if (shared !== undefined) {
    const other = all.find(({ Id }) => Id === shared)
    return other && other !== one ? addressOf(other, []) : undefined
  }
  return Object.values(one.NetworkSettings.Networks)
    .map(({ IPAddress }) => IPAddress)
    .find((address) => address !== "")
}
