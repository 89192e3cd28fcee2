import type { Method } from "./head.ts"
import { mapOf, type Rule, text } from "./fields.ts"
import type { AskEngine, EngineAnswer } from "./engine.ts"
import { type Found, lookup, type Own } from "./own.ts"
import { LAB_LABEL, PROJECT_LABEL } from "../../../lab/platforms/docker/membership.ts"
import { mayBeNamed, membershipIn, type Terms } from "./terms.ts"

/** A request of a known route, as far as it was read. */
export interface Asked {
  /** "/v1.41", or "" when the client named none. */
  version: string
  query: ReadonlyMap<string, string>
  /** What stands in the path where the route has a `:name`. */
  ref: string
  /** The JSON body; undefined on routes without one. */
  body: unknown
}

/** What becomes of a request. */
export type Judgement =
  | { kind: "denied"; status: number; reason: string }
  /** Sent on to the engine under this path (version and query are added), with this body and nothing else of the client's words. */
  | { kind: "passed"; path: string; query: ReadonlyMap<string, string>; body?: unknown; detached?: boolean }
  /** Answered by the scope itself, from what the engine says. */
  | { kind: "made"; path: string; query: ReadonlyMap<string, string>; make: () => Promise<EngineAnswer> }
  /** Sent on; of the lines that come back, those that `keep` wants. */
  | { kind: "filtered"; path: string; query: ReadonlyMap<string, string>; keep: (line: unknown) => boolean }

/** One thing that the client may ask for. */
export interface Route {
  name: string
  method: Method
  /** `:ref` stands for a name or id, `:image` for a name that may have slashes. */
  path: string
  query: readonly string[]
  /** `tar` is passed on as it comes, `none` must be empty. */
  body: "none" | "json" | "tar"
  /** Whether it can change something. A command in a container can. */
  mutating: boolean
  /** The connection becomes a stream in both directions when the client wants it. */
  upgrades: boolean
  /** Whoever may do it is inside of the container at `:ref`. */
  enters?: boolean
  judge(asked: Asked, about: About): Promise<Judgement>
}

/** What a judgement may look at, for one request. */
export interface About {
  terms: Terms
  own: Own
  ask: AskEngine
  /** The names of the lab's containers that the request is about. */
  touched: Set<string>
  container(ref: string): Promise<Found | undefined>
  name: Rule
  labels: Rule
}

export type AboutEach = () => About

/** The lab's objects are looked up at the engine; what is known of them is kept for all requests. */
export function aboutLab(ask: AskEngine, terms: Terms): AboutEach {
  const own = lookup(ask, terms)
  return () => {
    const touched = new Set<string>()
    const container = async (ref: string) => {
      const found = await own.container(ref)
      if (found) touched.add(found.name)
      return found
    }
    return { terms, own, ask, touched, container, name, labels }
  }
}

export const denied = (status: number, reason: string): Judgement => ({ kind: "denied", status, reason })
export const noSuchContainer = (ref: string) => denied(404, `No such container: ${ref}`)
export const noWayIn = ({ name, way_out }: Found) =>
  denied(403, `${name} ${way_out}: it can be looked at and restarted from here, but not entered`)

// internal

const name: Rule = (value, at, { about, refuse }) => {
  if (typeof value === "string" && mayBeNamed(value, about.terms.project)) return value
  return refuse(`${at} must begin with ${about.terms.project}- or ${about.terms.project}_, as all names of this lab do`)
}

/** The lab's label is added; another project's, the mark of what is hidden, and one by which it would vanish with the kitchen, are refused. */
const labels: Rule = async (value, at, rebuilding) => {
  const { terms } = rebuilding.about
  const given = ((await mapOf(/^[^\0]*$/, text())(value, at, rebuilding)) ?? {}) as Record<string, unknown>
  if (terms.hidden_label !== undefined && Object.hasOwn(given, terms.hidden_label)) {
    return rebuilding.refuse(`${at}.${terms.hidden_label} is not allowed here`)
  }
  if ((given[PROJECT_LABEL] ?? terms.project) !== terms.project) {
    return rebuilding.refuse(`${at}.${PROJECT_LABEL} must be ${terms.project}`)
  }
  if (terms.adopted && Object.hasOwn(given, LAB_LABEL))
    return rebuilding.refuse(`${at}.${LAB_LABEL} is not allowed here`)
  const { label, value: own } = membershipIn(terms)
  return { ...given, [label]: own }
}
