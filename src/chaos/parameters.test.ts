import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { parseSubject } from "../lab/parse-subject.ts"
import { UsageError } from "../lib/errors.ts"
import { BUILT_IN, findFault, paramsOf } from "./catalogue.ts"
import type { AnyFault } from "./fault.ts"
import { parametersOf, problemsOf, wanted } from "./parameters.ts"

const subject = await parseSubject(JSON.stringify({ name: "kv", services: { a: {} } }), "kv.yaml")
const odd = {
  name: "odd",
  params: z.strictObject({
    delay_ms: z.number().int().min(1).max(60_000).default(100).describe("how long"),
    rate_mbit_per_s: z.number().gt(0).optional(),
    shape: z.enum(["round", "square"]).default("round"),
    file: z.string(),
  }),
} as unknown as AnyFault

describe("the parameters of a fault", () => {
  test("are told with unit, default, bounds and choices", () => {
    expect(parametersOf(odd)).toMatchObject([
      { name: "delay_ms", about: "how long", type: "whole number", unit: "ms", default: 100, required: false },
      { name: "rate_mbit_per_s", type: "number", unit: "Mbit/s", default: null, range: "more than 0" },
      { name: "shape", default: "round", choices: ["round", "square"] },
      { name: "file", type: "text", unit: null, required: true },
    ])
    expect(parametersOf(odd).map(wanted)).toEqual([
      "a whole number of ms, at least 1, at most 60000",
      "a number of Mbit/s, more than 0",
      "one of round, square",
      "a text",
    ])
  })

  test("that do not fit are named with what was given and what is wanted", () => {
    const given = { delay_ms: 0, shape: "oval", colour: "red" }
    expect(problemsOf(odd, given, odd.params.safeParse(given).error!)).toEqual([
      "delay_ms=0: it must be a whole number of ms, at least 1, at most 60000",
      'shape="oval": it must be one of round, square',
      "it needs file, a text",
      "it takes no parameter colour; it takes delay_ms, rate_mbit_per_s, shape, file",
    ])
  })

  test("out of range are refused with their unit and their bounds", () => {
    const refused = () => paramsOf(findFault("packet_loss", subject), subject, { percent: 300 })
    expect(refused).toThrow(UsageError)
    expect(refused).toThrow("packet_loss: percent=300: it must be a number of percent, at least 0.01, at most 100")
  })

  test("are all described, in every fault of the catalogue", () => {
    const mute = BUILT_IN.flatMap((fault) =>
      parametersOf(fault).flatMap(({ name, about }) => (about === null ? [`${fault.name} ${name}`] : [])),
    )
    expect(mute).toEqual([])
  })
})
