import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Whether this process may put a file system of its own somewhere; most may not. */
export const CAN_MOUNT = canMount()

/** Puts an empty file system of a fixed size ("1m") at a folder, until the test is over. `more` are options of mount. */
export function smallDisk(dir: string, size: string, more: string[] = []): Disposable {
  const options = [`size=${size}`, ...more].join(",")
  const { exitCode, stderr } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", dir])
  if (exitCode !== 0) throw new Error(`mount: ${stderr.toString()}`)
  return { [Symbol.dispose]: () => void Bun.spawnSync(["umount", "--lazy", dir]) }
}

// internal

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0 || Bun.which("mount") === null) return false
  const dir = mkdtempSync(join(tmpdir(), "mount-"))
  const { exitCode } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir])
  if (exitCode === 0) Bun.spawnSync(["umount", "--lazy", dir])
  rmSync(dir, { recursive: true })
  return exitCode === 0
}
