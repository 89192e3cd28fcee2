import { readFileSync } from "node:fs"
import { discover } from "../../lib/discovery.ts"

/** The built-in faults, and those that the subject declares, or any subject when none is named. */
export async function faultsOf(subject: string | undefined): Promise<string[]> {
  const { BUILT_IN } = await import("../../chaos/catalogue.ts")
  const declared = outlines(subject).flatMap((outline) => Object.keys(outline["x-operator"]?.faults ?? {}))
  return [...BUILT_IN.map(({ name }) => name), ...declared]
}

/** The groups and services of a subject. */
export function placesIn(subject: string | undefined): string[] {
  if (subject === undefined) return []
  return outlines(subject).flatMap((outline) => [
    ...Object.keys(outline["x-operator"]?.groups ?? {}),
    ...Object.keys(outline.services ?? {}),
  ])
}

// internal

interface Outline {
  services?: Record<string, unknown> | null
  "x-operator"?: { faults?: Record<string, unknown> | null; groups?: Record<string, unknown> | null } | null
}

/** Read without their checks, which take longer than a shell may wait. */
function outlines(subject: string | undefined): Outline[] {
  return discover("compose")
    .filter(({ name }) => subject === undefined || name === subject)
    .flatMap(({ file }) => outline(file))
}

/** What is no YAML has nothing to offer; the command that uses the file says what is wrong with it. */
function outline(file: string): Outline[] {
  try {
    const read = Bun.YAML.parse(readFileSync(file, "utf8"))
    return typeof read === "object" && read !== null ? [read as Outline] : []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}
