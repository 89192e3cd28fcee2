import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { waitUntil } from "../../src/lib/clock.ts"

/**
 * Tests of the Redis store need the program (Debian: `apt install redis-server`). Without it they are left out,
 * visibly; in CI they fail then, unless `.ci/run` has found that the machine cannot have it.
 */
export const WITHOUT_REDIS = Bun.which("redis-server") === null && (!Bun.env.CI || Boolean(Bun.env.WITHOUT_REDIS))

/** A real server for one test, on this machine's loopback; its data goes with it. */
export interface RedisServer {
  url: string
  signal(name: "SIGSTOP" | "SIGCONT"): void
  /** Kills it, as a crash would. */
  kill(): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  /** What a client beside the nodes gets for a command. */
  ask(...words: string[]): Promise<unknown>
  remove(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), "redis-"))
  const port = freePort()
  const url = `redis://127.0.0.1:${port}`
  let process: Bun.Subprocess | undefined
  const server: RedisServer = {
    url,
    signal: (name) => process?.kill(name),
    kill: async () => {
      process?.kill("SIGKILL")
      await process?.exited
    },
    start: async () => {
      const words = [
        "--bind",
        "127.0.0.1",
        "--port",
        String(port),
        "--dir",
        dir,
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--save",
        "",
      ]
      process = Bun.spawn(["redis-server", ...words], { stdin: "ignore", stdout: "ignore", stderr: "ignore" })
      const answers = () => server.ask("PING").catch(() => undefined)
      if (await waitUntil(async () => (await answers()) === "PONG", { timeout_ms: 10_000, every_ms: 10 })) return
      throw new Error(`redis-server gives no answer at ${url}`)
    },
    ask: async (command, ...words) => {
      const client = new Bun.RedisClient(url, { autoReconnect: false })
      try {
        await client.connect()
        return await client.send(command!, words)
      } finally {
        client.close()
      }
    },
    remove: async () => {
      await server.kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

// internal

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  listener.stop(true)
  return listener.port
}
