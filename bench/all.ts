import { availableParallelism, loadavg } from "node:os"
import { readArgv } from "../src/lib/argv.ts"
import { showDuration } from "../src/lib/duration.ts"
import { exitCode, messageOf, OperatorError, UsageError } from "../src/lib/errors.ts"
import { note } from "../src/lib/output.ts"
import { requireEngine } from "../src/lab/platforms/docker/engine.ts"
import { VERSION } from "../src/lib/version.ts"
import { analysis } from "./analysis.ts"
import { audit } from "./audit.ts"
import { claude } from "./claude.ts"
import { dockerFaults } from "./docker-faults.ts"
import { dockerSweep } from "./docker-sweep.ts"
import { guardian } from "./guardian.ts"
import { makeHome } from "./home.ts"
import { kitchen } from "./kitchen.ts"
import { loop } from "./loop.ts"
import { type Benchmark, type Figure, renderFigures, toFigure } from "./measure.ts"
import { dockerParallel, parallel } from "./parallel.ts"
import { dockerReady, ready } from "./ready.ts"
import { scope } from "./scope.ts"
import { store } from "./store.ts"
import { dockerTicket, ticket } from "./ticket.ts"
import { trial } from "./trial.ts"
import { version } from "./version.ts"

/** The order in which they run. */
const BENCHMARKS: readonly Benchmark[] = [
  ...[version, loop, claude, ready, ticket, guardian, trial, parallel, store, audit, analysis],
  ...[dockerReady, dockerTicket, kitchen, scope, dockerFaults, dockerSweep, dockerParallel],
]
const NAMES = BENCHMARKS.map(({ name }) => name)

const USAGE = `bun run bench [--quick] [--only ${NAMES.join("|")}]... [--json [FILE]]`

const ARGS = {
  only: { type: "enum", options: NAMES, multiple: true },
  quick: { type: "boolean" },
  json: { type: "string" },
} as const

/** Where `--json` writes when no file is named. The table goes to stderr then. */
const STDOUT = "-"

try {
  const { args } = readArgv(withDefaultFile(process.argv.slice(2)), ARGS)
  const figures = await measure(args)
  const stream = args.json === STDOUT ? process.stderr : process.stdout
  stream.write(renderFigures(figures, stream))
  if (args.json !== undefined) await write(args.json, figures)
} catch (error) {
  note(`bench: ${messageOf(error)}`)
  if (error instanceof OperatorError && error.hint) note(`  → ${error.hint}`)
  if (error instanceof UsageError) note(`  → ${USAGE}`)
  process.exitCode = exitCode(error)
}

// internal

/** One after another, so that none disturbs another. Whichever way this process ends, its home goes with it. */
async function measure({ only, quick }: { only: string[]; quick: boolean }): Promise<Figure[]> {
  const home = makeHome()
  process.once("exit", home.remove)
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130))
  const figures: Figure[] = []
  for (const benchmark of BENCHMARKS.filter(({ name }) => only.length === 0 || only.includes(name))) {
    const lacks = benchmark.needs && (await requireEngine().then(() => undefined, messageOf))
    if (lacks !== undefined) {
      note(`${benchmark.name}: skipped: ${lacks}`)
      continue
    }
    const start_ms = performance.now()
    figures.push(...(await benchmark.run(home, { quick })).map(toFigure))
    note(`${benchmark.name}: measured in ${showDuration(performance.now() - start_ms)}`)
  }
  return figures
}

/** The figures, and on what they were measured: without that they say nothing. */
async function write(file: string, figures: readonly Figure[]): Promise<void> {
  const { platform, arch } = process
  const machine = { platform, arch, cpus: availableParallelism(), load1: loadavg()[0], bun: Bun.version }
  const json = `${JSON.stringify({ operator: VERSION, at: new Date().toISOString(), machine, figures }, null, 2)}\n`
  await Bun.write(file === STDOUT ? Bun.stdout : file, json)
}

/** `--json` alone means stdout. */
function withDefaultFile(argv: readonly string[]): string[] {
  const alone = (i: number) => argv[i] === "--json" && (argv[i + 1] ?? "--").startsWith("--")
  return argv.flatMap((word, i) => (alone(i) ? [word, STDOUT] : [word]))
}
