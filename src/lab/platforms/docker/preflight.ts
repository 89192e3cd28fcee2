import { freemem } from "node:os"
import { readFileSync, statfsSync } from "node:fs"
import { codeOf, EnvironmentError } from "../../../lib/errors.ts"
import { boundedBytes } from "./bounded-volume.ts"
import { type ComposeFile, instancesOf } from "./compose-file.ts"
import type { Engine } from "./engine.ts"

/** What a lab needs of which its file does not say it: an engine that runs dry takes every lab with it. */
const MEMORY_PER_SERVICE_BYTES = 48 * 1024 * 1024
const DISK_BYTES = 1024 * 1024 * 1024

/** Throws an EnvironmentError when this machine has not the memory that a file asks for, or too little disk where the engine keeps its own. */
export async function requireRoom(engine: Engine, file: ComposeFile): Promise<void> {
  const asked_bytes = memoryOf(file)
  const free_bytes = availableMemory()
  if (asked_bytes > free_bytes) {
    throw new EnvironmentError(`${file.name} asks for ${mib(asked_bytes)} of memory, and ${mib(free_bytes)} are free`, {
      hint: "operator labs shows what else is up; a smaller mem_limit or mem_reservation asks for less",
    })
  }
  const info = await engine.request<{ DockerRootDir?: string }>("GET", "/info")
  const left_bytes = freeDisk(info?.DockerRootDir)
  if (left_bytes !== undefined && left_bytes < DISK_BYTES) {
    throw new EnvironmentError(`${mib(left_bytes)} are left on the engine's disk, and a lab needs ${mib(DISK_BYTES)}`, {
      hint: "docker system df shows what takes it, docker image prune gives some back",
    })
  }
}

/** What is reserved, else limited, else a little, for each instance of each service, and what its volumes in memory may take. */
export function memoryOf(file: ComposeFile): number {
  const of_services = Object.values(file.services).reduce((sum, service) => {
    const { limits, reservations } = service.deploy?.resources ?? {}
    const asked = reservations?.memory ?? service.mem_reservation ?? limits?.memory ?? service.mem_limit
    return sum + instancesOf(service) * (asked === undefined ? MEMORY_PER_SERVICE_BYTES : Number(asked))
  }, 0)
  return of_services + boundedBytes(file)
}

// internal

/** What could be used without swapping, caches included. */
function availableMemory(): number {
  try {
    const [, kib] = /^MemAvailable:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? []
    return kib === undefined ? freemem() : Number(kib) * 1024
  } catch (error) {
    if (codeOf(error) === "ENOENT") return freemem()
    throw error
  }
}

/** Undefined where the engine's folder is not this machine's, or not to be seen. */
function freeDisk(folder: string | undefined): number | undefined {
  if (folder === undefined) return undefined
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}

const mib = (bytes: number) => `${Math.floor(bytes / 1024 / 1024)} MiB`
