import { openDocument } from "../../../lib/yaml-document.ts"
import type { Node } from "../../lab.ts"
import type { Subject } from "../../subject.ts"
import type { Expected } from "./book.ts"
import type { Container } from "./containers.ts"

/**
 * What a project that somebody else runs is meant to hold, as far as the subject names it: whatever is there of each service, and, where
 * nothing is, what Compose would call its first container. A service that its owner may leave out is missed by nobody.
 */
export function projectExpectation(subject: Subject, project: string): (found: readonly Container[]) => Expected {
  const optional = optionalServices(subject)
  const absent = (service: string): Node => ({ name: `${project}-${service}-1`, service, state: "exited" })
  return (found) => {
    const nodes = subject.services.flatMap((service): Node[] => {
      const there = found.filter((one) => one.service === service)
      return there.length > 0 || optional.has(service) ? there : [absent(service)]
    })
    return { nodes, ending: new Set(found.flatMap(({ awaited }) => awaited)) }
  }
}

/** Services that are there only when they are asked for: by a profile, or by a number of instances other than none. */
export function optionalServices({ text, file }: Pick<Subject, "text" | "file">): Set<string> {
  const { services } = openDocument(text, file).value as { services: Record<string, Declared | null> }
  const names = Object.entries(services).filter(([, one]) => {
    return (one?.profiles?.length ?? 0) > 0 || (one?.scale ?? one?.deploy?.replicas) === 0
  })
  return new Set(names.map(([name]) => name))
}

// internal

interface Declared {
  profiles?: unknown[]
  scale?: number
  deploy?: { replicas?: number }
}
