import { join } from "node:path"
import { openSandbox } from "../src/agent/sandbox/open.ts"
import { dockerEngine, type Engine } from "../src/lab/platforms/docker/engine.ts"
import { type Benchmark, median } from "./measure.ts"
import { withLab } from "./with-lab.ts"

const ROUNDS = 40
const QUICK_ROUNDS = 10
const WARM_UP_ROUNDS = 2

/** Requests through a kitchen's scoped socket, each recorded as in a session, and the same ones to the engine itself. */
export const scope: Benchmark = {
  name: "scope",
  needs: "docker",
  run: (home, { quick }) =>
    withLab(home, "etcd", async ({ store, lab }) => {
      await using _sandbox = await openSandbox(store, lab)
      const direct = dockerEngine()
      const scoped = dockerEngine({ DOCKER_HOST: `unix://${await socketOf(direct, lab.id)}` })
      const [node] = await lab.nodes()
      const kinds = Object.entries(requests(node!.name, `${lab.id}_default`))
      const took = kinds.map(() => ({ direct: [] as number[], scoped: [] as number[] }))
      for (let round = -WARM_UP_ROUNDS; round < (quick ? QUICK_ROUNDS : ROUNDS); round++) {
        // In turn, so that a machine that becomes slower does so for both.
        for (const [index, [, path]] of kinds.entries()) {
          const [one, other] = [await timed(direct, path), await timed(scoped, path)]
          if (round < 0) continue
          took[index]!.direct.push(one)
          took[index]!.scoped.push(other)
        }
      }
      const beyond = took.map(({ direct, scoped }) => median(scoped) - median(direct))
      const each = kinds.map(([name], index) => `${name} ${beyond[index]!.toFixed(2)}`)
      return [
        {
          name: "kinds of requests through the scoped socket",
          unit: "ms",
          samples: beyond,
          target: { of: "median", at_most: 1 },
          note: `beyond the same to the engine itself, medians of ${took[0]!.direct.length}: ${each.join(", ")}`,
        },
      ]
    }),
}

// internal

/** What the ordinary client asks most, by what its user typed. */
function requests(node: string, network: string): Record<string, string> {
  return {
    ping: "/_ping",
    version: "/version",
    info: "/info",
    ps: "/containers/json",
    inspect: `/containers/${node}/json`,
    logs: `/containers/${node}/logs?stdout=1&tail=10`,
    top: `/containers/${node}/top`,
    "network inspect": `/networks/${network}`,
  }
}

async function timed(engine: Engine, path: string): Promise<number> {
  const [pathname = "", search = ""] = path.split("?")
  const start_ms = performance.now()
  const said = await engine.request("GET", pathname, { query: Object.fromEntries(new URLSearchParams(search)) })
  if (said === undefined && !path.includes("logs")) throw new Error(`${path} at ${engine.host}: not found`)
  return performance.now() - start_ms
}

/** Where the kitchen has its socket from. */
async function socketOf(engine: Engine, lab: string): Promise<string> {
  const described = await engine.request<{ Mounts: { Destination: string; Source: string }[] }>(
    "GET",
    `/containers/kitchen-${lab}/json`,
  )
  const mount = described?.Mounts.find(({ Destination }) => Destination === "/run/lab")
  if (!mount) throw new Error(`${lab} has no kitchen with a socket`)
  return join(mount.Source, "docker.sock")
}
