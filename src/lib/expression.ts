import jsonata from "jsonata"

/**
 * What an expression makes of a value. `nothing` stands for whatever is no answer: a path that leads nowhere, NaN,
 * a type error, or a limit that was hit. In JSONata `=` with something missing is false, and so is an answer.
 */
export type Evaluation = { kind: "value"; value: unknown } | { kind: "nothing"; reason: string }

/** Evaluates a JSONata expression over a JSON value; the result is plain JSON. Never rejects. */
export async function evaluate(expression: string, value: unknown): Promise<Evaluation> {
  try {
    const found: unknown = await compiled(expression).evaluate(value)
    if (found === undefined || typeof found === "function") return nothing(`"${expression}" yields nothing`)
    if (typeof found === "number" && !Number.isFinite(found)) return nothing(`"${expression}" yields ${found}`)
    return { kind: "value", value: JSON.parse(JSON.stringify(found)) }
  } catch (error) {
    return nothing(`"${expression}": ${problem(error)}`)
  }
}

/** What is wrong with the text of an expression, and at which character; undefined when it can be evaluated. */
export function checkExpression(expression: string): string | undefined {
  try {
    compiled(expression)
    return undefined
  } catch (error) {
    return `"${expression}" is no JSONata expression: ${problem(error)}`
  }
}

// internal

/** An expression looks at one answer. One that takes longer than this loops, and would hold up all others. */
const MAX_TIME_MS = 250
/** Nested evaluations; JSONata recurses on the machine's stack. */
const MAX_DEPTH = 200
/** Elements of one sequence: far more than any answer has that a probe keeps. */
const MAX_SEQUENCE = 1_000_000
/** Subjects hold a dozen expressions each. When a process has met this many, it begins afresh. */
const MAX_COMPILED = 1_000

const cache = new Map<string, jsonata.Expression>()

function compiled(expression: string): jsonata.Expression {
  const known = cache.get(expression)
  if (known) return known
  const made = jsonata(expression, { timeout: MAX_TIME_MS, stack: MAX_DEPTH, sequence: MAX_SEQUENCE })
  if (cache.size >= MAX_COMPILED) cache.clear()
  cache.set(expression, made)
  return made
}

function nothing(reason: string): Evaluation {
  return { kind: "nothing", reason }
}

/** JSONata throws plain objects with a message and a place, not errors. */
function problem(error: unknown): string {
  const { message, position } = error as { message?: unknown; position?: unknown }
  const text = typeof message === "string" ? message : String(error)
  return typeof position === "number" ? `${text}, at character ${position}` : text
}
