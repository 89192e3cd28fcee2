import { dockerEngine, type Engine } from "../../lab/platforms/docker/engine.ts"
import { execIn } from "../../lab/platforms/docker/exec.ts"
import { type ScopeOptions, startScope } from "./scope/scope.ts"

/** What whoever works in a kitchen can see, for the harness's own look: nothing of it is written down as the agent's. */
export interface View extends AsyncDisposable {
  /** The Docker engine as a client in the kitchen finds it. */
  engine: Engine
  /** What a bash script in the kitchen prints. */
  run(script: string, words: readonly string[]): Promise<string>
}

export interface ViewOptions {
  engine: Engine
  /** The kitchen, by its id. */
  container: string
  /** As the kitchen's own, at a socket that it does not mount. */
  scope: Omit<ScopeOptions, "onRequest">
}

export async function openView({ engine, container, scope }: ViewOptions): Promise<View> {
  const { close } = await startScope({ ...scope, onRequest: () => {} })
  const limits = { timeout_ms: SCRIPT_TIMEOUT_MS, max_bytes: SCRIPT_BYTES }
  return {
    engine: dockerEngine({ DOCKER_HOST: `unix://${scope.socket}` }),
    run: async (script, words) => {
      return (await execIn(engine, container, ["bash", "-c", script, "bash", ...words], limits)).output
    },
    [Symbol.asyncDispose]: close,
  }
}

// internal

const SCRIPT_TIMEOUT_MS = 10_000
const SCRIPT_BYTES = 4 * 1024 * 1024
