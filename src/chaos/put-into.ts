import { dockerEngine } from "../lab/platforms/docker/engine.ts"
import { modifiedAt, type OneFile, readOneFile, writeOneFile } from "../lab/platforms/docker/one-file.ts"

/** Writes a file of a container, with the engine's own clock: it is then newer than whatever has read the one before. */
export async function putInto(container: string, path: string, file: OneFile): Promise<void> {
  const info = await dockerEngine().request<{ SystemTime: string }>("GET", "/info")
  // An archive has whole seconds: the next one, since what started a moment ago has not read it.
  const now_ms = info ? Date.parse(info.SystemTime) : Date.now()
  await writeOneFile(container, path, file, new Date(Math.ceil(now_ms / SECOND_MS) * SECOND_MS))
}

/** Restarts a container that does not run, or has run since before a file of it was written: else it has read it. */
export async function restartUnlessNewer(container: string, path: string): Promise<void> {
  const engine = dockerEngine()
  const found = await engine.request<Inspected>("GET", `/containers/${container}/json`)
  const file = await readOneFile(container, path, { max_bytes: MAX_BYTES })
  if (!found || !file) return
  if (found.State.Running && Date.parse(found.State.StartedAt) > modifiedAt(file).getTime()) return
  await engine.request("POST", `/containers/${container}/restart`, { query: { t: String(GRACE_S) } })
}

// internal

const SECOND_MS = 1_000
/** Of one whose content does not matter, a configuration at most. */
const MAX_BYTES = 1024 * 1024
/** For a process to end, before it is killed. */
const GRACE_S = 2

interface Inspected {
  State: { Running: boolean; StartedAt: string }
}
