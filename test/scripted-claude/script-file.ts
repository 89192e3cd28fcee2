import { z } from "zod"
import { parseYaml } from "../../src/lib/yaml.ts"
import type { Script } from "./script.ts"

/** The answers of a script's file. What does not fit is a UsageError with the place. */
export async function readScript(file: string): Promise<Script> {
  const { answers } = await parseYaml(await Bun.file(file).text(), file, scriptFile)
  // Zod gives what is left out as undefined; a script leaves it out.
  return JSON.parse(JSON.stringify(answers)) as Script
}

// internal

const anything = z.record(z.string(), z.unknown())
const call = z.union([
  z.strictObject({ reasoning: z.string(), command: z.string() }),
  z.strictObject({ name: z.string(), input: z.unknown() }),
  z.strictObject({ name: z.string(), json: z.string() }),
])
const turn = z.strictObject({
  think: z.string().optional(),
  blocks: z.array(z.looseObject({ type: z.string() })).optional(),
  say: z.string().optional(),
  call: z.union([call, z.array(call)]).optional(),
  stop_reason: z.string().optional(),
  stop_sequence: z.string().optional(),
  stop_details: anything.optional(),
  model: z.string().optional(),
  usage: anything.optional(),
  chunks: z.enum(["events", "bytes", "crlf"]).optional(),
  pings: z.boolean().optional(),
  breaks: z.enum(["before", "after_headers", "in_stream", "before_stop"]).optional(),
  ends: z.enum(["destroy", "clean"]).optional(),
  error_event: z.strictObject({ type: z.string(), message: z.string() }).optional(),
  after: z.enum(["nothing", "start", "some"]).optional(),
  stalls_ms: z.number().nonnegative().optional(),
  where: z.enum(["before_headers", "in_stream"]).optional(),
})
const failure = z.strictObject({
  status: z.number().int().min(400).max(599),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.union([z.string(), anything]).optional(),
  html: z.string().optional(),
})
const raw = z.strictObject({
  events: z.array(z.strictObject({ event: z.string().optional(), data: z.unknown() })),
  ends: z.enum(["destroy", "clean"]).optional(),
})

const scriptFile = z.strictObject({
  about: z.string().optional(),
  answers: z.array(z.union([turn, failure, raw])).min(1),
})
