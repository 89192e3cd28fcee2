import { type Container, listContainers } from "./containers.ts"
import type { Engine } from "./engine.ts"
import { readLogs } from "./logs.ts"
import { membershipOf } from "./membership.ts"

/**
 * What the services of a lab that have ended, or are not healthy, have printed last: read before the lab is taken down, since it goes
 * with the containers. Empty where there is nothing of that, or where the engine does not say.
 */
export async function lastWords(engine: Engine, lab: { id: string; adopted?: string | undefined }): Promise<string> {
  try {
    const ill = (await listContainers(engine, membershipOf(lab))).filter(isIll).slice(0, MAX_NODES)
    return (await Promise.all(ill.map((one) => wordsOf(engine, one)))).join("\n")
  } catch {
    // It is said beside another failure, which counts more.
    return ""
  }
}

// internal

/** Of a lab with more of them, these tell enough. */
const MAX_NODES = 4
/** Of each, the end: what a program says of its own death. */
const MAX_LINES = 10
const MAX_CHARACTERS = 1_000

function isIll({ ended, exit_code, health }: Container): boolean {
  return (ended !== undefined && exit_code !== 0) || (health !== undefined && health.status !== "healthy")
}

async function wordsOf(engine: Engine, { id, name, ended, health }: Container): Promise<string> {
  const printed = lastOf(await readLogs(engine, id, MAX_LINES))
  const how = ended === undefined ? `is ${health?.status}` : `has ended (${ended})`
  const said = lastOf(health?.said ?? "")
  return [
    `${name} ${how}, and printed ${printed === "" ? "nothing" : "last:"}`,
    ...(printed === "" ? [] : [indented(printed)]),
    ...(said === "" ? [] : [`its health check printed:\n${indented(said)}`]),
  ].join("\n")
}

const lastOf = (text: string) => text.trim().split("\n").slice(-MAX_LINES).join("\n").slice(-MAX_CHARACTERS)

const indented = (text: string) => text.replaceAll(/^/gm, "  ")
