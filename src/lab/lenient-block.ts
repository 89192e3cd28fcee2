import { z } from "zod"
import { randomHex } from "../lib/ids.ts"
import { type OperatorBlock, operatorBlock } from "./subject.ts"

/**
 * A block of which some parts have not their shape, with stand-ins that say nothing for those parts: the references of all others
 * can be looked at, so that a person hears of everything at once.
 */
export function lenientBlock(value: unknown): OperatorBlock {
  return lenient.parse(value)
}

// internal

const { shape } = operatorBlock
const invariant = shape.invariants.unwrap().element
const state = shape.state.unwrap().element

/** An invariant without a name must not be taken for another one. */
const nameIn = (value: unknown) => {
  const { name } = (value ?? {}) as { name?: unknown }
  return typeof name === "string" ? name : randomHex(16)
}

/** Names no place. */
const SILENT_PROBE = { exec: "" }

const NOTHING = operatorBlock.parse({})

const lenient = z
  .object({
    about: shape.about.catch(""),
    brief: shape.brief.catch(""),
    groups: z.record(z.string(), shape.groups.unwrap().valueType.catch([])).catch({}).default({}),
    egress: shape.egress.catch(true),
    own_words: shape.own_words.catch([]),
    ready: shape.ready.catch(NOTHING.ready),
    // What needs one must not seem to be without.
    prometheus: shape.prometheus.catch("http://127.0.0.1"),
    invariants: z
      .array(invariant.catch(({ value }) => invariant.parse({ name: nameIn(value), probe: SILENT_PROBE })))
      .catch([])
      .default([]),
    rules: shape.rules.catch([]),
    workload: shape.workload.catch(undefined),
    faults: z
      .record(z.string(), shape.faults.unwrap().valueType.catch(shape.faults.unwrap().valueType.parse({})))
      .catch({})
      .default({}),
    state: z
      .array(state.catch(({ value }) => ({ name: nameIn(value), probe: SILENT_PROBE })))
      .catch([])
      .default([]),
    processes: shape.processes.catch({}),
  })
  .catch(NOTHING)
