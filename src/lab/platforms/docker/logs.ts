import { ENGINE_TIMEOUT_MS, type Engine } from "./engine.ts"
import { frameReader } from "./frames.ts"

const LOG_TAIL_BYTES = 1024 * 1024

/** The last lines of what a container has printed, both streams as they came. */
export async function readLogs(engine: Engine, container: string, lines: number): Promise<string> {
  const signal = AbortSignal.timeout(ENGINE_TIMEOUT_MS)
  const config = await engine.request<{ Config: { Tty: boolean } }>("GET", `/containers/${container}/json`)
  const query = { stdout: "true", stderr: "true", tail: String(lines) }
  const stream = await engine.stream("GET", `/containers/${container}/logs`, { query, signal })
  const reader = frameReader({ max_bytes: LOG_TAIL_BYTES, raw: config?.Config.Tty === true })
  for await (const part of stream) reader.take(part)
  return reader.text()
}
