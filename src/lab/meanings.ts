import { didYouMean } from "../lib/nearest.ts"
import type { Problem } from "./alert-problems.ts"
import { outlineOf, placesNamed, UNKNOWN } from "./render.ts"
import { BUILT_IN_INVARIANTS, type OperatorBlock, type Probe, SLO } from "./subject.ts"

/**
 * What a block says that can never come true in a lab: placeholders and addresses that name nothing, names that mean two things.
 * A subject can be read in spite of it, as those must be that were run before.
 */
export function* meaningProblems(block: OperatorBlock, services: readonly string[]): Generator<Problem> {
  const places = [...Object.keys(block.groups), ...services]
  for (const [path, text] of templates(block)) {
    for (const name of placesNamed(text))
      if (!places.includes(name)) yield unknown(path, "group or service", name, places)
  }
  for (const address of addresses(block)) yield* addressProblems(address, services)
  for (const { path, probe } of probes(block).filter(({ each }) => !each)) {
    const alone = [...texts(probe, path)].find(([, text]) => /\{(?:service|node)\}/.test(text))
    if (alone) yield { path: alone[0], message: "{service} and {node} are filled in where there is an `each`" }
  }
  yield* nameProblems(block)
}

// internal

type Path = Problem["path"]

interface Place {
  path: Path
  probe: Probe
  /** Asked once a node. */
  each: boolean
}

function unknown(path: Path, what: string, word: string, known: readonly string[]): Problem {
  return { path, message: `there is no ${what} "${word}"${didYouMean(word, known)}` }
}

/** Names that are taken, and what is noticed or changed that there is not. */
function* nameProblems(block: OperatorBlock): Generator<Problem> {
  for (const [index, { name }] of block.invariants.entries()) {
    if (BUILT_IN_INVARIANTS.some((taken) => taken === name))
      yield { path: ["invariants", index, "name"], message: `the name "${name}" is taken by a built-in gate` }
  }
  const states = block.state.map(({ name }) => name)
  for (const [index, name] of states.entries()) {
    if (states.indexOf(name) !== index) yield { path: ["state", index, "name"], message: `"${name}" is there twice` }
  }
  for (const [name, { noticed_by, may_change }] of Object.entries(block.faults)) {
    for (const [index, word] of may_change.entries()) {
      if (!states.includes(word)) yield unknown(["faults", name, "may_change", index], "state", word, states)
    }
    const slo = noticed_by.indexOf(SLO)
    if (slo !== -1 && !block.workload)
      yield { path: ["faults", name, "noticed_by", slo], message: "without a `workload` there is no gate slo" }
  }
}

function probes(block: OperatorBlock): Place[] {
  return [
    ...block.invariants.flatMap(({ probe, each }, index) =>
      probe ? [{ path: ["invariants", index, "probe"], probe, each: each !== undefined }] : [],
    ),
    ...block.state.map(({ probe }, index) => ({ path: ["state", index, "probe"], probe, each: false })),
    ...(["read", "write"] as const).flatMap((operation) => {
      const http = block.workload?.[operation]?.http
      return http ? [{ path: ["workload", operation], probe: { http }, each: false }] : []
    }),
  ]
}

/** Every text in which a lab fills in placeholders. */
function* templates(block: OperatorBlock): Generator<[Path, string]> {
  yield* texts(block.brief, ["brief"])
  for (const { path, probe } of probes(block)) yield* texts(probe, path)
  for (const [name, { declared, repair }] of Object.entries(block.faults)) {
    const { inject, undo, active } = declared ?? {}
    yield* texts({ inject, undo, active }, ["faults", name, "declared"])
    yield* texts(repair, ["faults", name, "repair"])
  }
  for (const [name, { command }] of Object.entries(block.processes))
    yield* texts(command, ["processes", name, "command"])
}

function* texts(value: unknown, path: Path): Generator<[Path, string]> {
  if (typeof value === "string") yield [path, value]
  if (typeof value !== "object" || value === null) return
  for (const [key, inner] of Object.entries(value))
    yield* texts(inner, [...path, Array.isArray(value) ? Number(key) : key])
}

interface Address {
  path: Path
  address: string
  kind: "http" | "tcp"
}

function* addresses(block: OperatorBlock): Generator<Address> {
  for (const [path, address] of texts(block.prometheus, ["prometheus"])) yield { path, address, kind: "http" }
  for (const { path, probe } of probes(block)) {
    if ("http" in probe) yield { path: [...path, "http", "url"], address: probe.http.url, kind: "http" }
    if ("tcp" in probe) yield { path: [...path, "tcp"], address: probe.tcp, kind: "tcp" }
  }
}

/** A bare word names a service; what has a dot or a colon in it may be anywhere. */
function* addressProblems({ path, address, kind }: Address, services: readonly string[]): Generator<Problem> {
  const outline = outlineOf(address).replace(/^tcp:\/\//, "")
  const url = URL.parse(kind === "tcp" ? `tcp://${outline}` : outline)
  if (!url || (kind === "http" && !/^https?:$/.test(url.protocol)) || (kind === "tcp" && url.port === "")) {
    const example = kind === "tcp" ? "host:port" : "http://service:port/path"
    return yield { path, message: `"${address}" is no address such as ${example}` }
  }
  const { hostname } = url
  if (hostname.includes(UNKNOWN) || /[.:]|^localhost$/.test(hostname) || services.includes(hostname)) return
  yield unknown(path, "service", hostname, services)
}
