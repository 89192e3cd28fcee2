import type { Lab, Node } from "./lab.ts"

/**
 * What the nodes of a lab that have ended, or are not healthy, have printed last: read before the lab is taken down, since it goes with
 * them. Empty where there is nothing of that, or where nobody can say.
 */
export async function lastWords(lab: Pick<Lab, "nodes" | "logs">): Promise<string> {
  try {
    const ill = (await lab.nodes()).filter(isIll).slice(0, MAX_NODES)
    return (await Promise.all(ill.map((node) => wordsOf(lab, node)))).join("\n")
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

function isIll({ state, ended, finished, health }: Node): boolean {
  if (state === "exited") return ended !== undefined && !finished
  return health !== undefined && health.status !== "healthy"
}

async function wordsOf(lab: Pick<Lab, "logs">, { name, state, ended, health }: Node): Promise<string> {
  const printed = lastOf(await lab.logs(name, { lines: MAX_LINES }))
  const how = state === "exited" ? `has ended (${ended})` : `is ${health?.status}`
  const said = lastOf(health?.said ?? "")
  return [
    `${name} ${how}, and printed ${printed === "" ? "nothing" : "last:"}`,
    ...(printed === "" ? [] : [indented(printed)]),
    ...(said === "" ? [] : [`its health check printed:\n${indented(said)}`]),
  ].join("\n")
}

const lastOf = (text: string) => text.trim().split("\n").slice(-MAX_LINES).join("\n").slice(-MAX_CHARACTERS)

const indented = (text: string) => text.replaceAll(/^/gm, "  ")
