import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EnvironmentError, OperatorError } from "../src/lib/errors.ts"

/** A folder of their own for the benchmarks: a binary of the sources as they are now, a store, and its labs. */
export interface Home {
  dir: string
  db: string
  binary: string
  /** Runs the binary and gives what it printed. Throws when it fails, or takes longer than `RUN_TIMEOUT_MS`. */
  run(...words: string[]): Promise<string>
  /** Starts the binary and leaves it to the caller, who ends it. */
  start(...words: string[]): Bun.Subprocess
  /** Ends whatever a benchmark has left, and removes the folder. Synchronous, for the end of the process. */
  remove(): void
}

/** Builds the binary, or takes the one that OPERATOR_BINARY names. */
export function makeHome(): Home {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "operator-bench-")))
  const db = join(dir, "operator.db")
  const binary = Bun.env.OPERATOR_BINARY ?? built(dir)
  const { DOCKER_HOST } = Bun.env
  const env = {
    PATH: Bun.env.PATH ?? "",
    HOME: dir,
    OPERATOR_DB: db,
    LANG: "C.UTF-8",
    ...(DOCKER_HOST && { DOCKER_HOST }),
  }
  const place = { cwd: dir, env, stdin: "ignore", stderr: "ignore" } as const
  return {
    dir,
    db,
    binary,
    start: (...words) => Bun.spawn([binary, ...words], { ...place, stdout: "ignore" }),
    run: async (...words) => {
      const child = Bun.spawn([binary, ...words], {
        ...place,
        stdout: "pipe",
        stderr: "pipe",
        timeout: RUN_TIMEOUT_MS,
        killSignal: "SIGKILL",
      })
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
      if ((await child.exited) === 0) return stdout
      const end = child.signalCode ?? `exit ${child.exitCode}`
      throw new OperatorError(`operator ${words.join(" ")} failed (${end}): ${stderr.trim()}`)
    },
    remove: () => {
      Bun.spawnSync([binary, "down", "--all"], { ...place, stdout: "ignore", timeout: RUN_TIMEOUT_MS })
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

// internal

/** The slowest command here runs four trials of clusters at once, in some twenty seconds; or builds their images before. */
const RUN_TIMEOUT_MS = 300_000

/** Takes half a second, and so a binary of yesterday is never measured. */
function built(dir: string): string {
  const binary = join(dir, "bin", "operator")
  const build = Bun.spawnSync([process.execPath, "run", "build", "--outdir", join(dir, "bin")], {
    cwd: join(import.meta.dir, ".."),
    stdout: "ignore",
    stderr: "pipe",
  })
  if (build.exitCode === 0) return binary
  rmSync(dir, { recursive: true, force: true })
  throw new EnvironmentError(`the binary could not be built: ${build.stderr.toString().trim()}`, {
    hint: "see `bun run build`, or name a binary with OPERATOR_BINARY",
  })
}
