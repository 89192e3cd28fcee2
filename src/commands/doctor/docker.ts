import { runBounded } from "../../lib/run.ts"
import { type Finding, note, ok } from "./finding.ts"

/** An engine answers in milliseconds, or it hangs. */
const ENGINE_WITHIN_MS = 3_000
const OUTPUT_BYTES = 64 * 1024

/** Docker labs need both the command and an engine. */
export async function checkDocker(): Promise<Finding> {
  const use = "not needed for process labs"
  if (Bun.which("docker") === null) {
    return note("docker", `no docker command; ${use}`, "apt-get install docker.io")
  }
  const { exit_code, stdout, timed_out } = await runBounded(["docker", "version", "--format", "{{.Server.Version}}"], {
    cwd: process.cwd(),
    env: { ...process.env } as Record<string, string>,
    timeout_ms: ENGINE_WITHIN_MS,
    max_bytes: OUTPUT_BYTES,
  })
  if (exit_code === 0) return ok("docker", `engine ${stdout.trim()}; ${use}`)
  const what = timed_out ? "the engine does not answer" : "no engine answers"
  return note("docker", `${what}; ${use}`, "systemctl start docker; docker info says more")
}
