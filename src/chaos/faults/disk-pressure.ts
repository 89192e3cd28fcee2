import { z } from "zod"
import { OperatorError, UsageError } from "../../lib/errors.ts"
import { HOW_TO_BOUND } from "../../lab/platforms/docker/bounded-volume.ts"
import { helpWithVolume, type Incarnation, VOLUME_AT } from "../../lab/platforms/docker/helper.ts"
import { hasVolume, mountedAt } from "../../lab/platforms/docker/mounted-at.ts"
import type { Lab } from "../../lab/lab.ts"
import { containersAt, startEnded } from "../containers.ts"
import type { Confirmed, Fault } from "../fault.ts"
import { nodePath } from "../node-path.ts"
import { neutralName } from "../neutral-name.ts"

const params = z.strictObject({
  path: nodePath.optional().describe("a folder of the node, in a bounded volume"),
  fill_percent: z.number().min(1).max(100).default(100).describe("how full its volume is made; a little stays free"),
  free_mb: z.number().min(0).optional().describe("how many MiB are left free instead"),
})

type Params = z.output<typeof params>

/** A file in a volume, with which no more than this is free there. */
interface Filled {
  node: string
  volume: string
  /** Within the volume. */
  file: string
  free_bytes: number
}

/** A file in a volume that has an end of its own. Whoever removes the file, from wherever, has repaired it. */
export const diskPressure: Fault<Params, { filled: Filled[] }> = {
  name: "disk_pressure",
  about: "Fills the volume of a node up to a few pages",
  params,
  of_nodes: true,
  platforms: ["docker"],
  elsewhere: "the folder of a process is on the machine's own disk",
  heals_itself: false,
  plan: async (lab, targets, params, { id }) => {
    const { path } = params
    if (path === undefined) {
      throw new UsageError("disk_pressure needs a path", {
        hint: "--param path=/var/lib/data, or `params` in the subject",
      })
    }
    const nodes = await containersAt(lab, "disk_pressure", targets)
    return { filled: await Promise.all(nodes.map((node) => fill(node, { ...params, path }, neutralName(id)))) }
  },
  inject: async (lab, { filled }) => {
    await Promise.all(filled.map((one) => run(lab, one, WRITE)))
  },
  probe: async (lab, { filled }) => {
    const there = await thereOf(filled)
    const seen = await Promise.all(there.map((one) => run(lab, one, `[ -e "$file" ] && echo there; true`)))
    if (seen.some((text) => text !== "")) return "active"
    return there.length === 0 ? "void" : "gone"
  },
  confirm: async (lab, { filled }): Promise<Confirmed> => {
    const seen = await Promise.all(filled.map((one) => run(lab, one, `echo "$(size) $(free) $(of_file)"`)))
    const numbers = seen.map((line) => line.split(" ").map(Number))
    const evidence = filled.map(({ node, volume }, n) => {
      const [size = 0, free = 0, file = 0] = numbers[n]!
      return `of ${kib(size)} in ${volume} ${kib(free)} are left to ${node}, ${kib(file)} are taken`
    })
    const felt = filled.every(({ free_bytes }, n) => numbers[n]![1]! <= free_bytes + SLACK_BYTES && numbers[n]![2]! > 0)
    return { confirmation: felt ? "confirmed" : "ineffective", evidence: evidence.join("; ") }
  },
  revert: async (lab, { filled }) => {
    await Promise.all((await thereOf(filled)).map((one) => run(lab, one, `rm -f "$file"`)))
    await startEnded(
      lab,
      filled.map(({ node }) => node),
    )
  },
}

// internal

/** A page: enough for a few words in a file that is there already. */
const FLOOR_BYTES = 4 * 1024
/** Bounded volumes are the machine's memory. */
const MAX_BYTES = 1024 * 1024 * 1024
/** Who else writes there may free some of it at the same time. */
const SLACK_BYTES = 256 * 1024
const MIB = 1024 * 1024
const TIMEOUT_MS = 20_000

/** In one piece, or piece by piece where the file system cannot; it belongs to whom the folder belongs. */
const WRITE = `left=$(($(free) - $free_bytes))
  [ $left -gt 0 ] || exit 0
  [ $left -le ${MAX_BYTES} ] || { echo "more than ${MAX_BYTES} bytes are free there"; exit 1; }
  fallocate -l $left "$file" 2>/dev/null || head -c $left /dev/zero >"$file"
  chown --reference="$(dirname "$file")" "$file"`

async function fill(node: Incarnation, params: Params & { path: string }, name: string): Promise<Filled> {
  const { path } = params
  const { volume, bound_bytes, others, path: below } = await mountedAt(node.container, path.replace(/\/+$/, ""))
  if (volume === undefined || bound_bytes === undefined) {
    throw new UsageError(`${path} of ${node.node} is on a disk that it shares with this machine: nothing bounds it`, {
      hint: `give it a volume with an end of its own, below volumes: in the subject: ${HOW_TO_BOUND}`,
    })
  }
  if (others.length > 0) {
    throw new UsageError(`${path} of ${node.node} is on a volume that ${others.join(", ")} fills, too`, {
      hint: "give each service a volume of its own",
    })
  }
  if (bound_bytes > MAX_BYTES) {
    throw new UsageError(`the volume at ${path} of ${node.node} has ${kib(bound_bytes)}, which is too much to fill`, {
      hint: `at most ${kib(MAX_BYTES)}: they are the machine's memory`,
    })
  }
  const free = params.free_mb === undefined ? bound_bytes * (1 - params.fill_percent / 100) : params.free_mb * MIB
  const file = [below, name].filter(Boolean).join("/")
  return { node: node.node, volume, file, free_bytes: Math.max(FLOOR_BYTES, Math.floor(free)) }
}

/** Those whose volume is still there: one that is not would be made. */
async function thereOf(filled: readonly Filled[]): Promise<Filled[]> {
  const there = await Promise.all(filled.map(({ volume }) => hasVolume(volume)))
  return filled.filter((_, n) => there[n])
}

async function run(lab: Lab, { node, volume, file, free_bytes }: Filled, script: string): Promise<string> {
  const head = `file='${VOLUME_AT}/${file.replaceAll("'", "'\\''")}'; free_bytes=${free_bytes}
    size() { df --output=size -B1 ${VOLUME_AT} | tail -n 1 | tr -d ' '; }
    free() { df --output=avail -B1 ${VOLUME_AT} | tail -n 1 | tr -d ' '; }
    of_file() { stat -c %b "$file" 2>/dev/null | awk '{ print $1 * 512 }' | grep . || echo 0; }
    `
  const { exit_code, output, stdout } = await helpWithVolume(lab.id, volume, head + script, { timeout_ms: TIMEOUT_MS })
  if (exit_code === 0) return stdout.trim()
  throw new OperatorError(`the volume of ${node}: ${output.trim() || `exit ${exit_code ?? "by a signal"}`}`)
}

const kib = (bytes: number) => (bytes < 10 * MIB ? `${Math.round(bytes / 1024)} KiB` : `${Math.round(bytes / MIB)} MiB`)
