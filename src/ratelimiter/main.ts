import { systemClock } from "../lib/clock.ts"
import { exitCode, messageOf, UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"
import { flags } from "./flags.ts"
import { integerFromText, text } from "./input.ts"
import { placeFrom } from "./open.ts"

const USAGE = `A distributed rate limiter: nodes that share one store and enforce its limits together.

  serve    --name NAME --store STORE [--host HOST] [--port PORT] [--port-file FILE]   run a node
  status   --url URL                                          show the nodes, dead or alive
  drift    --url URL --store STORE                            compare what the API says with what the store's log holds
  ghost    --urls URL,URL --max N                             count the checks that are allowed beyond a limit of N
  recount  --store STORE                                      set each counter to what the log holds

A STORE is a SQLite file, or redis://HOST:PORT.
`

const ANY_PORT = "0"
const LOOPBACK = "127.0.0.1"
const PORT = { min: 0, max: 65_535 }
const NAME_CHARACTERS = { min: 1, max: 64 }
/** As far as a limit goes, so that a probe of one is possible. */
const GHOST_MAX = { min: 0, max: 1_000 }

export type Command = (args: string[]) => Promise<void>

/** Runs one subcommand, or one of those that nobody is told of. Resolves to the exit code; errors are on stderr by then. */
export async function main(args: string[], untold: ReadonlyMap<string, Command> = new Map()): Promise<number> {
  const [name = "", ...rest] = args
  try {
    if (["help", "--help", "-h"].includes(name)) {
      process.stdout.write(USAGE)
      return 0
    }
    if (name === "") throw new UsageError(`a command is missing: ${[...COMMANDS.keys()].join(", ")}`)
    const command = COMMANDS.get(name) ?? untold.get(name)
    if (!command) throw new UsageError(`unknown command "${name}"${didYouMean(name, COMMANDS.keys())}`)
    await command(rest)
    return 0
  } catch (error) {
    console.error(`ratelimiter: ${messageOf(error)}`)
    return exitCode(error)
  }
}

// internal

const COMMANDS = new Map<string, Command>([
  ["serve", serve],
  ["status", status],
  ["drift", drift],
  ["ghost", ghost],
  ["recount", recount],
])

async function serve(args: string[]): Promise<void> {
  const given = flags(args, { required: ["name", "store"], optional: ["host", "port", "port-file"] })
  const node = await import("./serve.ts")
  await node.serve({
    name: text(given.name, "--name", NAME_CHARACTERS),
    store: placeFrom(given.store),
    host: given.host ?? LOOPBACK,
    port: integerFromText(given.port ?? ANY_PORT, "--port", PORT),
    port_file: given["port-file"],
  })
}

async function status(args: string[]): Promise<void> {
  const { url } = flags(args, { required: ["url"] })
  const { statusTable } = await import("./status.ts")
  console.log(await statusTable(baseUrl(url)))
}

async function drift(args: string[]): Promise<void> {
  const { url, store } = flags(args, { required: ["url", "store"] })
  const { drift } = await import("./drift.ts")
  print(await drift(baseUrl(url), placeFrom(store), systemClock))
}

async function ghost(args: string[]): Promise<void> {
  const { urls, max } = flags(args, { required: ["urls", "max"] })
  const { probeGhosts } = await import("./ghost.ts")
  print(await probeGhosts(urls.split(",").map(baseUrl), integerFromText(max, "--max", GHOST_MAX)))
}

async function recount(args: string[]): Promise<void> {
  const { store } = flags(args, { required: ["store"] })
  const { recount } = await import("./recount.ts")
  print(await recount(placeFrom(store), systemClock))
}

function baseUrl(given: string): string {
  if (!URL.canParse(given) || !/^https?:\/\//.test(given)) throw new UsageError(`"${given}" is not a URL of a node`)
  return given
}

function print(result: unknown): void {
  console.log(JSON.stringify(result))
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
