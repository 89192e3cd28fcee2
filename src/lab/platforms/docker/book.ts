import { existsSync, readFileSync } from "node:fs"
import type { Node, NodeState } from "../../lab.ts"
import { members } from "../../render.ts"
import type { Subject } from "../../subject.ts"
import { type ComposeFile, composeFileOf, type ComposeService, instancesOf } from "./compose-file.ts"
import { type Container, listContainers } from "./containers.ts"
import type { Engine } from "./engine.ts"
import { membershipOf } from "./membership.ts"
import { projectExpectation } from "./project-nodes.ts"

/** A node, with its container when there is one. */
export type Found = Node & Partial<Container>

/** What is known of a lab's nodes: where each was at the last look. Addresses change with restarts. */
export interface Book {
  /** Every node as it is now, in the order of the subject; those that ought to be there and are not, have `exited`. */
  look(): Promise<Found[]>
  /** The base URL of the first member of a group that runs, else that is frozen, else a place where nobody listens. */
  url(name: string, port: string | undefined): string
  /** As `Lab.resolve`. */
  resolve(url: string): string | undefined
}

/** What a lab is meant to hold. */
export interface Expected {
  /** As they are when nothing is there. */
  nodes: Node[]
  /** Services that are meant to end: others wait for that. */
  ending: Set<string>
}

export function addressBook(
  engine: Engine,
  lab: { id: string; subject: Subject; dir: string; adopted?: string | undefined },
): Book {
  const expected = lab.adopted === undefined ? expectation(lab) : projectExpectation(lab.subject, lab.adopted)
  // What else a project holds that somebody else runs is not looked at.
  const isNode = ({ service }: Container) => lab.adopted === undefined || lab.subject.services.includes(service)
  // All that is the lab's, and of those the nodes.
  let [all, book]: [Container[], Container[]] = [[], []]
  let [looks, newest] = [0, 0]

  const at = (name: string, states: readonly NodeState[]) =>
    book.find(
      (one) => (one.service === name || one.name === name) && one.address !== undefined && states.includes(one.state),
    )?.address
  const address = (names: readonly string[]) =>
    first(names, (name) => at(name, ["running"])) ?? first(names, (name) => at(name, ["paused"]))
  return {
    look: async () => {
      const number = ++looks
      const listed = await listContainers(engine, membershipOf(lab))
      // Looks overlap, and an earlier one that comes later says how it was before.
      if (number > newest) [all, book, newest] = [listed, listed.filter(isNode), number]
      return inOrder(expected(all), book)
    },
    url: (name, port) => {
      const found = address(members(lab.subject, name))
      return found === undefined ? `http://${NOBODY}` : `http://${found}${port === undefined ? "" : `:${port}`}`
    },
    resolve: (url) => {
      const parsed = new URL(url)
      const { hostname } = parsed
      if (!lab.subject.services.includes(hostname) && !expected(all).nodes.some(({ name }) => name === hostname))
        return url
      const found = address([hostname])
      if (found === undefined) return undefined
      parsed.hostname = found
      return parsed.href
    },
  }
}

// internal

/** Where a service that does not run is said to be: port 0 refuses every connection. */
const NOBODY = "127.0.0.1:0"

/** By the lab's file once it is written, else by its subject. */
function expectation({ id, subject, dir }: { id: string; subject: Subject; dir: string }): () => Expected {
  const nodesOf = (service: string, count: number) =>
    Array.from({ length: count }, (_, n): Node => ({ name: `${id}-${service}-${n + 1}`, service, state: "exited" }))
  let known: Expected | undefined
  return () => {
    if (known) return known
    const file = composeFileOf(dir)
    if (!existsSync(file)) return { nodes: subject.services.flatMap((name) => nodesOf(name, 1)), ending: new Set() }
    const { services } = JSON.parse(readFileSync(file, "utf8")) as ComposeFile
    // Compose sorts services by name; the subject's order is the author's.
    const names = Object.keys(services).sort((a, b) => place(subject, a) - place(subject, b))
    const nodes = names.flatMap((name) => nodesOf(name, instancesOf(services[name]!)))
    return (known = { nodes, ending: new Set(Object.values(services).flatMap(awaitedBy)) })
  }
}

/** The services that must have ended before this one begins. */
function awaitedBy({ depends_on = {} }: ComposeService): string[] {
  return Object.entries(depends_on)
    .filter(([, { condition }]) => condition === "service_completed_successfully")
    .map(([name]) => name)
}

function place({ services }: Subject, name: string): number {
  const found = services.indexOf(name)
  return found === -1 ? services.length : found
}

function inOrder({ nodes, ending }: Expected, containers: readonly Container[]): Found[] {
  const more = containers.filter(({ name }) => !nodes.some((node) => node.name === name))
  const all: Found[] = [...nodes.map((node) => containers.find(({ name }) => name === node.name) ?? node), ...more]
  const finished = ({ service, state, exit_code }: Found) =>
    state === "exited" && exit_code === 0 && ending.has(service)
  return all.map((node) => (finished(node) ? { ...node, finished: true } : node))
}

function first<T, R>(all: readonly T[], map: (one: T) => R | undefined): R | undefined {
  for (const one of all) {
    const found = map(one)
    if (found !== undefined) return found
  }
  return undefined
}
