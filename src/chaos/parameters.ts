import { z } from "zod"
import type { AnyFault } from "./fault.ts"

/** One parameter of a fault, as its schema has it. */
export interface Parameter {
  name: string
  about: string | null
  type: string
  /** What one of it is, by the end of its name; null for what is no amount. */
  unit: string | null
  /** Null: there is none, and it may be left out. */
  default: unknown
  required: boolean
  /** Its bounds in words: "more than 0, at most 100"; null without any. */
  range: string | null
  choices: string[] | null
}

/** The parameters that a fault takes, in the order of its schema. */
export function parametersOf({ params }: Pick<AnyFault, "params">): Parameter[] {
  const schema = z.toJSONSchema(params, { io: "input", unrepresentable: "any" }) as Schema
  return Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    about: one.description ?? null,
    type: typesOf(one).join(" or ") || "any",
    unit: unitOf(name),
    default: one.default ?? null,
    required: schema.required?.includes(name) ?? false,
    range: rangeOf(one),
    choices: one.enum?.map(String) ?? null,
  }))
}

/** What a value of it must be, in words. */
export function wanted({ type, unit, range, choices }: Parameter): string {
  if (choices) return `one of ${choices.join(", ")}`
  const what = [`a ${type}`, unit === null ? "" : `of ${unit}`].filter(Boolean).join(" ")
  return range === null ? what : `${what}, ${range}`
}

/** What is wrong with parameters, each with the value that was given and what is wanted. */
export function problemsOf(fault: AnyFault, given: Record<string, unknown>, { issues }: z.ZodError): string[] {
  const known = parametersOf(fault)
  return issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      const takes = known.length === 0 ? "" : `; it takes ${known.map(({ name }) => name).join(", ")}`
      return `it takes no parameter ${issue.keys.join(", ")}${takes}`
    }
    const parameter = known.find(({ name }) => name === issue.path[0])
    if (!parameter || issue.code === "custom") return issue.message
    const value = given[parameter.name]
    if (typeof value === "object" && value !== null) return `${issue.path.join(".")}: ${issue.message}`
    return value === undefined
      ? `it needs ${parameter.name}, ${wanted(parameter)}`
      : `${parameter.name}=${JSON.stringify(value)}: it must be ${wanted(parameter)}`
  })
}

// internal

interface Schema {
  type?: string
  description?: string
  default?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
}

/** Ends of names; the longer ones first. */
const UNITS: readonly [end: RegExp, unit: string][] = [
  [/(^|_)kbit_per_s$/, "kbit/s"],
  [/(^|_)mbit_per_s$/, "Mbit/s"],
  [/(^|_)bytes_per_s$/, "bytes/s"],
  [/(^|_)per_s$/, "1/s"],
  [/(^|_)(kbit|kbps)$/, "kbit/s"],
  [/(^|_)(mbit|mbps)$/, "Mbit/s"],
  [/(^|_)percent$/, "percent"],
  [/(^|_)ms$/, "ms"],
  [/(^|_)(s|seconds)$/, "s"],
  [/(^|_)bytes$/, "bytes"],
  [/(^|_)kib$/, "KiB"],
  [/(^|_)(mib|mb)$/, "MiB"],
  [/(^|_)gib$/, "GiB"],
  [/(^|_)(cpus|cores)$/, "CPUs"],
]

function unitOf(name: string): string | null {
  return UNITS.find(([end]) => end.test(name))?.[1] ?? null
}

/** "number", or all that a union takes. */
function typesOf({ type, anyOf = [] }: Schema): string[] {
  const types = [...(type === undefined ? [] : [type]), ...anyOf.flatMap(typesOf)]
  return [...new Set(types.map((one) => NAMES[one] ?? one))]
}

const NAMES: Record<string, string> = { integer: "whole number", string: "text", array: "list" }

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string | null {
  const bound = (words: string, value: number | undefined) =>
    // An integer's schema names the largest that a number can hold.
    value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? [] : [`${words} ${value}`]
  const bounds = [
    ...bound("more than", exclusiveMinimum),
    ...bound("at least", minimum),
    ...bound("less than", exclusiveMaximum),
    ...bound("at most", maximum),
  ]
  return bounds.length === 0 ? null : bounds.join(", ")
}
