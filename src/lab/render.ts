import { UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"
import type { Subject } from "./subject.ts"

export interface Places {
  lab: string
  /** The base URL of a service, as it can be reached now, or a stand-in while it is down. A port is one that the service knows. */
  url(service: string, port: string | undefined): string
}

/** Hands out the members of each group in turn. */
export type Rotation = Map<string, number>

/**
 * Fills in `{lab}`, `{url:NAME:PORT}` (a service, or the first of a group that runs), `{address:NAME:PORT}` (the same as
 * host:port), `{urls:GROUP:PORT}` (all, comma-separated), `{any:GROUP}` (the name of one member, in turn), what `values` names, and
 * `{base64:VALUE}`, the same in base64. Other words in braces are left alone: JSON and shells use braces too.
 */
export function render(
  template: string,
  subject: Subject,
  places: Places,
  rotation: Rotation,
  values: Record<string, string> = {},
): string {
  return template.replace(PLACEHOLDER, (whole, word: string, argument: string | undefined) => {
    const [name = "", port] = argument?.split(":") ?? []
    if (word === "url") return places.url(name, port)
    if (word === "address") return withoutScheme(places.url(name, port))
    if (word === "urls") {
      const urls = members(subject, name).map((service) => places.url(service, port))
      return urls.join(",")
    }
    if (word === "any") return inTurn(members(subject, name), name, rotation)
    if (word === "lab") return places.lab
    if (word === "base64" && values[name] !== undefined) return Buffer.from(values[name]).toString("base64")
    return values[word] ?? whole
  })
}

/** The services that a name stands for: the members of a group, or one service. */
export function members(subject: Subject, name: string): string[] {
  const found = subject.groups[name] ?? (subject.services.includes(name) ? [name] : undefined)
  if (found) return found
  const known = [...Object.keys(subject.groups), ...subject.services]
  throw new UsageError(`${subject.file}: there is no group or service "${name}"${didYouMean(name, known)}`)
}

/** The groups and services that a text's placeholders name. */
export function placesNamed(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].flatMap(([, word = "", argument]) =>
    Object.hasOwn(STAND_INS, word) ? [argument?.split(":")[0] ?? ""] : [],
  )
}

/** The text with something in the place of each placeholder, so that the rest of it can be looked at; what is filled in is `UNKNOWN`. */
export function outlineOf(template: string): string {
  return template.replace(PLACEHOLDER, (_, word: string) => STAND_INS[word] ?? UNKNOWN)
}

/** Stands for what only a lab can say. */
export const UNKNOWN = "placeholder"

// internal

/** The words that name a place, each with what looks like it. */
const STAND_INS: Record<string, string> = {
  url: `http://${UNKNOWN}`,
  urls: `http://${UNKNOWN}`,
  address: `${UNKNOWN}:1`,
  any: UNKNOWN,
}

const withoutScheme = (url: string) => url.replace("http://", "")

const PLACEHOLDER = /\{([a-z_]+(?:64)?)(?::([^{}\s"']+))?\}/g

function inTurn(names: string[], group: string, rotation: Rotation): string {
  const turn = rotation.get(group) ?? 0
  rotation.set(group, turn + 1)
  return names[turn % names.length] ?? ""
}
