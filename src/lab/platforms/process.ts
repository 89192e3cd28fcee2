import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { codeOf, EnvironmentError, UsageError } from "../../lib/errors.ts"
import { identify, signal, stateOf } from "../../lib/process.ts"
import { didYouMean } from "../../lib/nearest.ts"
import { runBounded } from "../../lib/run.ts"
import type { Lab, Node, NodeState } from "../lab.ts"
import { members, type Places, render, type Rotation } from "../render.ts"
import type { Subject } from "../subject.ts"
import { installPrograms } from "./programs.ts"
import { commandEnvironment, labEnvironment } from "./environment.ts"
import { removeFolder } from "./remove-folder.ts"
import { endResidents } from "./residents.ts"
import { startScript } from "./start-script.ts"

/** How often nodes are looked at. A look costs 0.1 ms, and half of this is what it adds to a time to detect. */
export const NODE_POLL_MS = 50
const START_TIMEOUT_MS = 15_000
const EXEC_OUTPUT_BYTES = 1024 * 1024
const LOG_TAIL_BYTES = 1024 * 1024

/** Throws when a subject says nothing of how it runs without Docker; to be asked before anything of a lab is there. */
export function requireProcesses(subject: Subject): void {
  if (Object.keys(subject.processes).length > 0) return
  throw new UsageError(`${subject.file}: ${subject.name} has no \`processes:\`, so it cannot run without Docker`, {
    hint: "add x-operator.processes: a command for each service",
  })
}

/** Writes the folders of a new lab: one for each node with `start`, `log` and `data/`, and the shipped programs. */
export function layOut(subject: Subject, dir: string): void {
  requireProcesses(subject)
  mkdirSync(join(dir, "store"), { recursive: true })
  installPrograms(dir)
  const lab = processLab("", subject, dir)
  for (const [node, declared] of Object.entries(subject.processes)) {
    const folder = join(dir, node)
    mkdirSync(join(folder, "data"), { recursive: true })
    writeFileSync(join(folder, "log"), "")
    const command = lab.render(declared.command, { node, service: node })
    const environment = { ...lab.environment(), ...declared.env }
    writeFileSync(join(folder, "start"), startScript({ node, folder, command, environment }))
    chmodSync(join(folder, "start"), 0o755)
  }
}

/** A process is looked at without waiting for anything. */
export interface ProcessLab extends Lab {
  /** As `nodes`, at once. */
  look(): Node[]
}

/** A lab whose nodes are processes of this machine, each with its folder under `dir`. */
export function processLab(id: string, subject: Subject, dir: string): ProcessLab {
  const names = Object.keys(subject.processes)
  const rotation: Rotation = new Map()
  const look = (name: string): Node => {
    const pid = Number(readIfThere(join(dir, name, "pid")))
    const process = pid > 0 ? identify(pid) : undefined
    const node = { name, service: name }
    return process ? { ...node, process, state: NODE_STATE[stateOf(process)] } : { ...node, state: "exited" }
  }
  const address = (name: string): string | undefined => {
    const port = look(name).state === "exited" ? "" : readIfThere(join(dir, name, "data", "port")).trim()
    return port === "" ? undefined : `127.0.0.1:${port}`
  }
  const places: Places = {
    lab: dir,
    url: (name) =>
      `http://${
        members(subject, name)
          .map(address)
          .find((found) => found !== undefined) ?? NOBODY
      }`,
  }
  const known = (name: string) => {
    if (names.includes(name)) return name
    throw new UsageError(`${id} has no node "${name}"${didYouMean(name, names)}`, {
      hint: `its nodes: ${names.join(", ")}`,
    })
  }

  const lab: ProcessLab = {
    id,
    subject,
    platform: "process",
    dir,
    look: () => names.map(look),
    nodes: async () => names.map(look),
    watchNodes: (listener) => watch(names, look, listener),
    resolve: (url) => {
      const parsed = new URL(url)
      if (!names.includes(parsed.hostname)) return url
      const found = address(parsed.hostname)
      if (found === undefined) return undefined
      parsed.host = found
      return parsed.href
    },
    render: (template, values) => render(template, subject, places, rotation, values),
    environment: () => labEnvironment(dir),
    start: async (name) => {
      const command = [join(dir, known(name), "start")]
      const result = await runBounded(command, {
        cwd: dir,
        env: lab.environment(),
        timeout_ms: START_TIMEOUT_MS,
        max_bytes: EXEC_OUTPUT_BYTES,
      })
      if (result.exit_code !== 0) {
        throw new EnvironmentError(`${name} of ${id} did not start: ${result.output.trim()}`, {
          hint: `operator logs ${id} ${name}`,
        })
      }
    },
    signal: async (node, action) => node.process !== undefined && signal(node.process, SIGNALS[action]),
    exec: (command, { timeout_ms, node, signal }) => {
      const cwd = node === undefined ? dir : join(dir, known(node))
      const env = commandEnvironment(dir)
      installPrograms(dir)
      return runBounded(["sh", "-c", command], { cwd, env, timeout_ms, max_bytes: EXEC_OUTPUT_BYTES, signal })
    },
    logs: async (name, { lines }) => lastLines(join(dir, known(name), "log"), lines),
    destroy: async () => {
      const ended = await endResidents(dir)
      removeFolder(dir)
      return ended
    },
  }
  return lab
}

// internal

const NODE_STATE = { running: "running", stopped: "paused", gone: "exited" } as const satisfies Record<
  string,
  NodeState
>

const SIGNALS = { kill: "SIGKILL", pause: "SIGSTOP", resume: "SIGCONT" } as const

/** Where a service that does not run is said to be: port 0 refuses every connection. */
const NOBODY = "127.0.0.1:0"

function watch(names: string[], look: (name: string) => Node, listener: (node: Node) => void): () => void {
  const signature = (node: Node) => `${node.state} ${node.process?.pid} ${node.process?.started}`
  const seen = new Map(names.map((name) => [name, signature(look(name))]))
  const timer = setInterval(() => {
    for (const name of names) {
      const node = look(name)
      if (seen.get(name) === signature(node)) continue
      seen.set(name, signature(node))
      listener(node)
    }
  }, NODE_POLL_MS)
  return () => clearInterval(timer)
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return ""
    throw error
  }
}

/** The end of a file that may be large, without reading the rest of it. */
function lastLines(file: string, lines: number): string {
  if (!existsSync(file)) return ""
  const fd = openSync(file, "r")
  try {
    const size = fstatSync(fd).size
    const length = Math.min(size, LOG_TAIL_BYTES)
    const buffer = Buffer.alloc(length)
    readSync(fd, buffer, 0, length, size - length)
    return buffer
      .toString("utf8")
      .split("\n")
      .slice(-lines - 1)
      .join("\n")
  } finally {
    closeSync(fd)
  }
}
