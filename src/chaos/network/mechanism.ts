import { OperatorError } from "../../lib/errors.ts"
import type { Lab } from "../../lab/lab.ts"
import type { Steps } from "../fault.ts"
import { help, type Incarnation } from "../../lab/platforms/docker/helper.ts"

/**
 * How something is changed in the network of one life of a node: bash scripts, which run beside it. Each may run twice, or after another
 * one that came half-way. `see` prints "there" while the change is in place, "hits N" for packets that met it, and "by WORDS" for the way.
 */
export interface Mechanism<Change> {
  apply(change: Change): string
  remove(change: Change): string
  see(change: Change): string
  /** The same as a person would type it. */
  show(change: Change): Steps
}

export interface Seen {
  there: boolean
  /** How many packets met it. */
  hits: number
  /** The way in which it was done, where there are several. */
  by: string | undefined
}

/** What `see` has printed. */
export function seenIn(printed: string): Seen {
  const lines = printed.split("\n")
  const hits = lines.flatMap((line) => /^hits (\d+)$/.exec(line)?.[1] ?? [])
  return {
    there: lines.includes("there"),
    hits: hits.reduce((sum, each) => sum + Number(each), 0),
    by: lines.flatMap((line) => /^by (.+)$/.exec(line)?.[1] ?? [])[0],
  }
}

/** Runs a script in the network of a node and gives what it printed. An OperatorError says what did not work there. */
export async function runBeside(lab: Pick<Lab, "id">, node: Incarnation, script: string): Promise<string> {
  const { exit_code, output, stdout } = await help(lab.id, node, script, { share: "network", timeout_ms: TIMEOUT_MS })
  if (exit_code === 0) return stdout
  throw new OperatorError(`the network of ${node.node}: ${output.trim() || `exit ${exit_code ?? "by a signal"}`}`)
}

// internal

const TIMEOUT_MS = 10_000
