import { join } from "node:path"
import { provideKitchen, KITCHEN_IMAGE } from "../../src/lab/platforms/docker/kitchen-image.ts"
import { dockerEngine } from "../../src/lab/platforms/docker/engine.ts"
import { IMAGE } from "../support/docker.ts"
import { startMachine } from "./machine.ts"

// `bun run test:vm`: tests that need more of a kernel than this machine's may have, here, and their labs in a virtual machine's engine.

const ROOT = join(import.meta.dir, "..", "..")
const TESTS = ["./test/vm/latency.ts"]
/** Whatever is emulated takes ten times as long, and longer on a busy machine. */
const TIMEOUT_MS = 300_000

process.exitCode = await main()

// internal

/** The exit code: 4 where this machine can have no virtual one. */
async function main(): Promise<number> {
  const engine = await run(["bash", ".ci/docker"], "inherit")
  if (engine.exit_code !== 0) return engine.exit_code
  await provideKitchen(dockerEngine())
  const made = await run([".ci/vm", IMAGE, KITCHEN_IMAGE], "pipe")
  if (made.exit_code !== 0) return made.exit_code

  const start_ms = performance.now()
  await using machine = await startMachine(made.said.trim())
  console.log(`vm: its engine answers after ${((performance.now() - start_ms) / 1000).toFixed(1)} s`)
  const words = [process.execPath, "test", "--timeout", String(TIMEOUT_MS), ...TESTS]
  return (await run(words, "inherit", { DOCKER_HOST: machine.host })).exit_code
}

async function run(words: string[], stdout: "inherit" | "pipe", more: Record<string, string> = {}) {
  const child = Bun.spawn(words, { cwd: ROOT, env: { ...Bun.env, ...more }, stdio: ["ignore", stdout, "inherit"] })
  const said = child.stdout ? await new Response(child.stdout).text() : ""
  return { exit_code: await child.exited, said }
}
