import { EnvironmentError } from "../../../lib/errors.ts"
import { dockerEngine } from "./engine.ts"

/** What a container has used of the machine, as the kernel counts it; all zero while it does not run. */
export interface Usage {
  cpu_ns: number
  /** In how many of its periods it had to wait for the next one. */
  throttled_periods: number
  memory_bytes: number
}

/** What a container may use at most. Zero, and for the quota -1, is no limit. */
export interface Limits {
  /** Of each period. */
  quota_us: number
  period_us: number
  /** Thousand millionths of a processor: Compose's `cpus`, the other way to say it. The engine takes one of the two. */
  nano_cpus: number
  memory_bytes: number
}

export async function usageOf(container: string): Promise<Usage> {
  const query = { stream: "false", "one-shot": "true" }
  const stats = there(
    await dockerEngine().request<Stats>("GET", `/containers/${container}/stats`, { query }),
    container,
  )
  return {
    cpu_ns: stats.cpu_stats?.cpu_usage?.total_usage ?? 0,
    throttled_periods: stats.cpu_stats?.throttling_data?.throttled_periods ?? 0,
    memory_bytes: stats.memory_stats?.usage ?? 0,
  }
}

export async function limitsOf(container: string): Promise<Limits> {
  const found = there(await dockerEngine().request<Inspected>("GET", `/containers/${container}/json`), container)
  const { CpuQuota, CpuPeriod, NanoCpus, Memory } = found.HostConfig
  return {
    quota_us: CpuQuota ?? 0,
    period_us: CpuPeriod ?? 0,
    nano_cpus: NanoCpus ?? 0,
    memory_bytes: Memory ?? 0,
  }
}

/** Gives a container another share of the processors, whether or not it runs. It keeps it when it restarts. */
export async function limitCpu(
  container: string,
  limit: Pick<Limits, "quota_us"> | Pick<Limits, "nano_cpus">,
): Promise<void> {
  const body = "quota_us" in limit ? { CpuQuota: limit.quota_us } : { NanoCpus: limit.nano_cpus }
  await dockerEngine().request("POST", `/containers/${container}/update`, { body })
}

// internal

interface Stats {
  cpu_stats?: { cpu_usage?: { total_usage?: number }; throttling_data?: { throttled_periods?: number } }
  memory_stats?: { usage?: number }
}

interface Inspected {
  HostConfig: { CpuQuota?: number; CpuPeriod?: number; NanoCpus?: number; Memory?: number }
}

function there<T>(found: T | undefined, container: string): T {
  if (found !== undefined) return found
  throw new EnvironmentError(`the container ${container.slice(0, 12)} is gone`)
}
