import type { output, ZodType } from "zod"
import { problemsOf } from "./yaml-problems.ts"

/**
 * The content of a YAML 1.2 document with `<<` merges, as `schema` gives it. Throws a UsageError that lists what is wrong
 * by `file:line:column`, with the nearest valid name where one was probably meant. The parser is loaded at the first call.
 */
export async function parseYaml<S extends ZodType>(text: string, file: string, schema: S): Promise<output<S>> {
  const { openDocument } = await import("./yaml-document.ts")
  const document = openDocument(text, file)
  const result = schema.safeParse(document.value)
  if (result.success) return result.data
  throw document.error(problemsOf(schema, document.value, result.error.issues))
}
