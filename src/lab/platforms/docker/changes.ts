import type { Node } from "../../lab.ts"
import type { Found } from "./book.ts"
import { sameProcess } from "./containers.ts"
import type { Ends } from "./ends.ts"

/**
 * Looks, and tells of each node that is not as it was at the last look. The first look tells nothing. A node that has another process
 * now has died in between, however quickly it was started again: that is told first.
 */
export function tellChanges(
  look: () => Promise<Found[]>,
  listener: (node: Node) => void,
): (ends: Ends) => Promise<void> {
  let seen: Map<string, Found> | undefined
  return async (ends) => {
    const nodes = await look()
    const before = seen
    seen = new Map(nodes.map((node) => [node.name, node]))
    if (!before) return
    for (const node of nodes) {
      const was = before.get(node.name)
      if (was && signature(was) === signature(node)) continue
      if (was?.process && node.process && !sameProcess(was.process, node.process)) listener(death(was, ends))
      listener(node)
    }
  }
}

// internal

const signature = ({ state, process, health }: Node) => `${state} ${process?.pid} ${process?.started} ${health?.status}`

function death({ id, name, service }: Found, ends: Ends): Node {
  const ended = id === undefined ? undefined : ends.get(id)
  return { name, service, state: "exited", ...(ended !== undefined && { ended }) }
}
