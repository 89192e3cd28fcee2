import { z } from "zod"
import { UsageError } from "../../lib/errors.ts"
import { seeded } from "../../lib/random.ts"
import type { Lab } from "../../lab/lab.ts"
import { containersOf, type Incarnation } from "../../lab/platforms/docker/helper.ts"
import { type OneFile, readOneFile } from "../../lab/platforms/docker/one-file.ts"
import { containersAt } from "../containers.ts"
import type { Confirmed, Fault } from "../fault.ts"
import { nodePath } from "../node-path.ts"
import { putInto, restartUnlessNewer } from "../put-into.ts"

const MODES = ["truncate", "garbage", "replace"] as const

const params = z.strictObject({
  path: nodePath.optional().describe("a file of the node"),
  mode: z.enum(MODES).default("garbage").describe("half of it is kept, all is noise, or `content` is there instead"),
  content: z.string().optional().describe("what is there instead, for the mode replace"),
  restart: z.boolean().default(true).describe("restarts the node, which reads it then"),
})

type Params = z.output<typeof params>

/** A file of a node, as it was and as it is made. */
interface Corrupted {
  node: string
  path: string
  was: { header: string; base64: string }
  is_base64: string
}

/** The node's container may be replaced: a file in a volume stays what it is. So a node is found by its name. */
export const configCorrupt: Fault<Params, { corrupted: Corrupted[]; restart: boolean }> = {
  name: "config_corrupt",
  about: "Spoils a file of a node, and restarts it",
  params,
  of_nodes: true,
  platforms: ["docker"],
  elsewhere: "the files that a process reads are this machine's own",
  heals_itself: false,
  plan: async (lab, targets, params, { seed }) => {
    const nodes = await containersAt(lab, "config_corrupt", targets)
    return { corrupted: await Promise.all(nodes.map((node) => corrupt(node, params, seed))), restart: params.restart }
  },
  inject: async (lab, { corrupted, restart }) => {
    await eachThere(lab, corrupted, async (one, id) => {
      await putInto(id, one.path, { header: one.was.header, content: bytesOf(one.is_base64) })
      if (restart) await restartUnlessNewer(id, one.path)
    })
  },
  probe: async (lab, { corrupted }) => {
    const seen = await eachThere(lab, corrupted, async (one, id) => isContent(await read(id, one.path), one.is_base64))
    if (seen.includes(true)) return "active"
    return seen.length === 0 ? "void" : "gone"
  },
  confirm: async (lab, { corrupted, restart }): Promise<Confirmed> => {
    const seen = await eachThere(lab, corrupted, async ({ node, path, is_base64 }, id) => {
      const there = isContent(await read(id, path), is_base64)
      return { there, told: `${path} of ${node} is ${there ? "not what it was" : "untouched"}` }
    })
    const nodes = (await lab.nodes()).filter(({ name }) => corrupted.some(({ node }) => node === name))
    const states = restart
      ? [`after a restart ${nodes.map(({ name, state }) => `${name} is ${state}`).join(", ")}`]
      : []
    const evidence = [...seen.map(({ told }) => told), ...states].join("; ")
    if (!seen.every(({ there }) => there) || seen.length === 0) return { confirmation: "ineffective", evidence }
    // Nobody reads a file again because it has changed; whether one that runs minds it is for the monitor to say.
    return { confirmation: restart ? "confirmed" : "inconclusive", evidence }
  },
  revert: async (lab, { corrupted, restart }) => {
    await eachThere(lab, corrupted, async ({ path, was }, id) => {
      if (!isContent(await read(id, path), was.base64)) {
        await putInto(id, path, { header: was.header, content: bytesOf(was.base64) })
      }
      if (restart) await restartUnlessNewer(id, path)
    })
  },
}

// internal

/** A configuration; the record holds it twice. */
const MAX_BYTES = 64 * 1024

async function corrupt({ node, container }: Incarnation, params: Params, seed: number): Promise<Corrupted> {
  const { path } = params
  if (path === undefined) {
    throw new UsageError("config_corrupt needs a path", {
      hint: "--param path=/etc/redis.conf, or `params` in the subject",
    })
  }
  const was = await read(container, path)
  if (!was) throw new UsageError(`${node} has no file ${path}`, { hint: `docker exec ${node} ls -l ${path}` })
  const is = Buffer.from(spoilt(was.content, params, seed)).toString("base64")
  const base64 = Buffer.from(was.content).toString("base64")
  if (is === base64) throw new UsageError(`${path} of ${node} would stay as it is`)
  return { node, path, was: { header: was.header, base64 }, is_base64: is }
}

function spoilt(content: Uint8Array, { mode, content: instead }: Params, seed: number): Uint8Array {
  if ((mode === "replace") !== (instead !== undefined)) {
    throw new UsageError("config_corrupt takes `content` with the mode replace, and only with it")
  }
  if (mode === "replace") return Buffer.from(instead!)
  if (mode === "truncate") return content.slice(0, content.length >> 1)
  const random = seeded(seed)
  return content.map(() => Math.floor(random() * 256))
}

function read(container: string, path: string): Promise<OneFile | undefined> {
  return readOneFile(container, path, { max_bytes: MAX_BYTES })
}

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"))

function isContent(file: OneFile | undefined, base64: string): boolean {
  return file !== undefined && Buffer.from(file.content).toString("base64") === base64
}

/** Does something for each whose node has a container. */
async function eachThere<T>(
  lab: Lab,
  corrupted: readonly Corrupted[],
  work: (one: Corrupted, container: string) => Promise<T>,
): Promise<T[]> {
  const now = await containersOf(lab.id)
  const found = corrupted.flatMap((one) => now.filter(({ name }) => name === one.node).map(({ id }) => work(one, id)))
  return Promise.all(found)
}
