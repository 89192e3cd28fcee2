import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { waitUntil } from "../../src/lib/clock.ts"

/** Real nodes for the tests: processes around one store, a file in a folder that goes when the test ends, or one that is there. */
export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), "ratelimiter-"))
  readonly store: string
  readonly #processes: Program[] = []

  constructor(store?: string) {
    this.store = store ?? join(this.folder, "limits.db")
  }

  /** Resolves when the node has written its port. */
  async start(name: string): Promise<RunningNode> {
    const port_file = join(this.folder, `${name}-${this.#processes.length}.port`)
    const process = spawn(["serve", "--name", name, "--store", this.store, "--port-file", port_file])
    this.#processes.push(process)
    const started = await waitUntil(() => existsSync(port_file) || process.exitCode !== null, PATIENCE)
    if (!started || process.exitCode !== null) throw new Error(`${name} did not start: ${await process.stderr.text()}`)
    return { name, url: `http://127.0.0.1:${readFileSync(port_file, "utf8").trim()}`, process }
  }

  startAll(names: string[]): Promise<RunningNode[]> {
    return Promise.all(names.map((name) => this.start(name)))
  }

  async destroy(): Promise<void> {
    for (const process of this.#processes) process.kill("SIGKILL")
    await Promise.all(this.#processes.map((process) => process.exited))
    rmSync(this.folder, { recursive: true })
  }
}

export interface RunningNode {
  name: string
  url: string
  process: Program
}

export interface Reply {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

/** How long a test waits for what takes milliseconds. */
export const PATIENCE = { timeout_ms: 5_000, every_ms: 10 }

export async function request(url: string, method: string, path: string, body?: unknown): Promise<Reply> {
  const response = await fetch(new URL(path, url), {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Reply["body"] }
}

export function check(url: string, key: string, cost?: number): Promise<Reply> {
  return request(url, "POST", "/check", cost === undefined ? { key } : { key, cost })
}

/** Runs a subcommand to its end. */
export async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const process = spawn(args)
  const [stdout, stderr, code] = await Promise.all([process.stdout.text(), process.stderr.text(), process.exited])
  return { code, stdout, stderr }
}

/** The JSON that a subcommand prints. Fails with its complaint when it has one. */
export async function result(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run(...args)
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

// internal

type Program = Bun.Subprocess<"ignore", "pipe", "pipe">

const MAIN = join(import.meta.dir, "..", "..", "src", "ratelimiter", "harness.ts")

function spawn(args: string[]): Program {
  return Bun.spawn([process.execPath, MAIN, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" })
}
