import { EnvironmentError } from "../../../lib/errors.ts"
import { sha256 } from "../../../lib/ids.ts"
import { note } from "../../../lib/output.ts"
import { composeEnvironment, docker } from "../../../lab/platforms/docker/compose.ts"
import type { Engine } from "../../../lab/platforms/docker/engine.ts"
import dockerfile from "../../../../Dockerfile" with { type: "text" }

/** By what it is built from: one that has changed is built again. */
export const KITCHEN_IMAGE = `kitchen:${sha256(dockerfile).slice(0, 12)}`

/** Some packages over a slow line. */
const BUILD_TIMEOUT_MS = 20 * 60_000

/** Builds the kitchen's image where the engine lacks it, and says so. */
export async function provideKitchen(engine: Engine): Promise<void> {
  if ((await engine.request("GET", `/images/${KITCHEN_IMAGE}/json`)) !== undefined) return
  note(`building ${KITCHEN_IMAGE}, the place where agents work: a minute, once`)
  const { exit_code, said } = await docker(["build", "--target", "kitchen", "-t", KITCHEN_IMAGE, "-"], {
    cwd: "/",
    stdin: dockerfile,
    env: composeEnvironment({ PATH: Bun.env.PATH ?? "", HOME: Bun.env.HOME ?? "/" }),
    timeout_ms: BUILD_TIMEOUT_MS,
  })
  if (exit_code === 0) return
  throw new EnvironmentError(`${KITCHEN_IMAGE} could not be built: ${said}`, {
    hint: "docker build --target kitchen - < Dockerfile shows why",
  })
}
