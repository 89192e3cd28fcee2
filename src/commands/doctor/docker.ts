import { tmpdir } from "node:os"
import { codeOf, messageOf, OperatorError } from "../../lib/errors.ts"
import { compose, composeEnvironment } from "../../lab/platforms/docker/compose.ts"
import { dockerEngine } from "../../lab/platforms/docker/engine.ts"
import { type Finding, note, ok } from "./finding.ts"

/** An engine answers in milliseconds, or it hangs. */
const ENGINE_WITHIN_MS = 3_000
const COMPOSE_WITHIN_MS = 10_000

/** Docker labs need the command with Compose, and an engine that lets this user in. */
export async function checkDocker(): Promise<Finding> {
  const use = "not needed for process labs"
  if (Bun.which("docker") === null) {
    return note(
      "docker",
      `no docker command; ${use}`,
      "apt-get install docker.io docker-compose; Compose must be version 2",
    )
  }
  try {
    const engine = await dockerEngine().request<{ Version: string }>("GET", "/version", {
      timeout_ms: ENGINE_WITHIN_MS,
    })
    const { stdout } = await compose(["version", "--short"], {
      cwd: tmpdir(),
      env: composeEnvironment(),
      timeout_ms: COMPOSE_WITHIN_MS,
    })
    return ok("docker", `engine ${engine?.Version}, Compose ${stdout.trim()}; ${use}`)
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    return note("docker", `${messageOf(error)}; ${use}`, mend(error))
  }
}

// internal

function mend(error: OperatorError): string {
  const { cause } = error
  if (codeOf(cause) === "EACCES") return "usermod -aG docker USER and log in again, or run operator as root"
  if (cause !== undefined) return "systemctl start docker; docker info says more"
  return error.hint ?? "correct DOCKER_HOST, or leave it out"
}
