import { existsSync } from "node:fs"
import { join } from "node:path"
import { systemClock } from "../../../lib/clock.ts"
import { codeOf, EnvironmentError, messageOf, OperatorError, UsageError } from "../../../lib/errors.ts"
import { LabUnreachable } from "../../lab.ts"

/** The engine answers in milliseconds; starting, stopping and removing a container take it a second or two on a busy machine. */
export const ENGINE_TIMEOUT_MS = 30_000

export type Method = "GET" | "POST" | "PUT" | "DELETE"

export interface RequestOptions {
  query?: Record<string, string>
  body?: unknown
  /** Sent as it is, in the place of a body. */
  tar?: Uint8Array<ArrayBuffer>
  timeout_ms?: number
  signal?: AbortSignal
}

/** The Docker Engine's HTTP API over its socket (docs.docker.com/reference/api/engine). */
export interface Engine {
  /** As DOCKER_HOST would name it: what its client is to be given. */
  readonly host: string
  /**
   * The answer, when the status is 2xx or 304 (it is so already); undefined for 404. Any other is an OperatorError with the engine's
   * own words, and no answer at all a LabUnreachable.
   */
  request<T = unknown>(method: Method, path: string, options?: RequestOptions): Promise<T | undefined>
  /** As `request`, for an answer that comes in parts, for as long as it comes. The signal ends it. */
  stream(
    method: Method,
    path: string,
    options: RequestOptions & { signal: AbortSignal },
  ): Promise<ReadableStream<Uint8Array>>
}

/** The engine that DOCKER_HOST names, or the one of this machine. Nothing is asked yet. */
export function dockerEngine(environment: Record<string, string | undefined> = Bun.env): Engine {
  const host = hostOf(environment)
  const place = placeOf(host)
  const send = async (method: Method, path: string, options: RequestOptions, signal: AbortSignal) => {
    const { query = {}, body, tar } = options
    const content = tar ?? (body === undefined ? undefined : JSON.stringify(body))
    const type = tar ? "application/x-tar" : "application/json"
    const url = `${place.base}${path}?${new URLSearchParams(query).toString()}`
    return fetch(url, {
      method,
      ...place.init,
      ...(content === undefined ? {} : { body: content, headers: { "content-type": type } }),
      signal,
      // A connection that outlived a restart of the engine would fail the next request; a new one costs 0.05 ms.
      keepalive: false,
      timeout: false,
      proxy: false,
    })
  }
  const reached = async <T>(work: Promise<T>, { signal }: RequestOptions): Promise<T> => {
    try {
      return await work
    } catch (error) {
      throw signal?.aborted ? error : unreachable(host, error)
    }
  }
  return {
    host,
    request: async <T>(method: Method, path: string, options: RequestOptions = {}) => {
      const limit = AbortSignal.timeout(options.timeout_ms ?? ENGINE_TIMEOUT_MS)
      const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit
      const answer = await reached(send(method, path, options, signal), options)
      const text = await reached(answer.text(), options)
      if (answer.status === 404) return undefined
      if (!answer.ok && answer.status !== 304) throw refused(method, path, answer.status, text)
      return (
        text === "" ? undefined : answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text
      ) as T
    },
    stream: async (method, path, options) => {
      const answer = await reached(send(method, path, options, options.signal), options)
      if (answer.ok && answer.body) return answer.body
      throw refused(method, path, answer.status, await answer.text())
    },
  }
}

/** The same engine, whose requests are made again while it is away, for `patience_ms` in all: for those that may be made twice. */
export function patient(engine: Engine, patience_ms: number): Engine {
  const end_ms = systemClock.mono_ms() + patience_ms
  const request: Engine["request"] = async (method, path, options) => {
    for (;;) {
      try {
        return await engine.request(method, path, options)
      } catch (error) {
        if (!(error instanceof LabUnreachable) || systemClock.mono_ms() >= end_ms) throw error
        await systemClock.sleep(AWAY_EVERY_MS, options?.signal)
      }
    }
  }
  return { ...engine, request }
}

/** Throws an EnvironmentError unless an engine answers and its client has Compose; to be asked before anything of a lab is there. */
export async function requireEngine(): Promise<void> {
  if (Bun.which("docker") === null) {
    throw new EnvironmentError("there is no docker command, which labs by Compose need", { hint: HINT })
  }
  await dockerEngine().request("GET", "/_ping", { timeout_ms: PING_WITHIN_MS })
}

/** What the engine answers when something is so already, or is being done by somebody else. */
export class EngineRefusal extends OperatorError {
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

// internal

const PING_WITHIN_MS = 5_000
/** Between two tries at an engine that is away. */
const AWAY_EVERY_MS = 200
const HINT = "operator doctor says what is missing; docker info says more"

function hostOf({ DOCKER_HOST, XDG_RUNTIME_DIR }: Record<string, string | undefined>): string {
  if (DOCKER_HOST) return DOCKER_HOST
  const rootless = join(XDG_RUNTIME_DIR ?? "/run", "docker.sock")
  return `unix://${!existsSync(SOCKET) && existsSync(rootless) ? rootless : SOCKET}`
}

const SOCKET = "/var/run/docker.sock"

function placeOf(host: string): { base: string; init: BunFetchRequestInit } {
  if (host.startsWith("unix://")) return { base: "http://engine", init: { unix: host.slice("unix://".length) } }
  if (host.startsWith("tcp://")) return { base: host.replace("tcp:", "http:").replace(/\/$/, ""), init: {} }
  throw new UsageError(`DOCKER_HOST is ${host}: only unix:// and tcp:// can be used`)
}

function unreachable(host: string, error: unknown): LabUnreachable {
  const code = codeOf(error)
  const what =
    code === "EACCES" || code === "EPERM"
      ? `no permission to use the Docker engine at ${host}`
      : error instanceof Error && error.name === "TimeoutError"
        ? `the Docker engine at ${host} does not answer`
        : `no Docker engine answers at ${host} (${code ?? messageOf(error)})`
  const hint = code === "EACCES" ? "join the group docker, or run it as root; operator doctor says more" : HINT
  return new LabUnreachable(what, { hint, cause: error })
}

/** The engine says what it has against a request as `{"message": …}`. */
function refused(method: Method, path: string, status: number, text: string): EngineRefusal {
  let message = text.trim()
  try {
    message = String((JSON.parse(text) as { message?: unknown }).message ?? message)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return new EngineRefusal(`the Docker engine refused ${method} ${path} (${status}): ${message}`, status)
}
