import { type Guess, guessFrom, type Look } from "./guess.ts"

/** A block to start from, as YAML with examples in comments, and as JSON for a file that has no room for those. */
export interface FirstBlock {
  yaml: string
  json: string
  guess: Guess
}

/** The `x-operator` block of a Compose file that has none: what can be guessed, and examples of what cannot. `name` is what people call it. */
export function firstBlock(name: string, services: Readonly<Record<string, unknown>>): FirstBlock {
  const guess = guessFrom(services)
  const block = blockOf(name, guess)
  return { yaml: toYaml(block, guess), json: JSON.stringify({ [KEY]: block }, null, 2).slice(2, -2), guess }
}

export const KEY = "x-operator"

// internal

type Block = ReturnType<typeof blockOf>

function blockOf(name: string, { groups, looks, prometheus, lasting, needs_health_checks }: Guess) {
  const at = Object.keys(groups)[0] ?? lasting[0]
  const noticed_by = ["node_running", ...looks.filter(({ each }) => each === at).map(nameOf)]
  const faults = { node_kill: "docker start {node}", node_pause: "docker unpause {node}" }
  const repaired = Object.entries(faults).map(([fault, docker]) => [
    fault,
    { group: at, noticed_by, repair: { docker } },
  ])
  return {
    about: `${name}, with ${lasting.length} ${lasting.length === 1 ? "service" : "services"}`,
    brief: [...places(groups, looks, lasting)].join(" "),
    ...(Object.keys(groups).length > 0 && { groups }),
    ready: { timeout: "60s", stable: "2s" },
    ...(prometheus !== undefined && { prometheus: `http://${prometheus}:9090` }),
    invariants: looks.map((look) => ({
      name: nameOf(look),
      // Where no gate is declared, the containers' own health checks are gates.
      ...(needs_health_checks && { role: "notice" }),
      severity: "critical",
      each: look.each,
      probe:
        look.path === undefined
          ? { tcp: `{service}:${look.port}` }
          : { http: `http://{service}:${look.port}${look.path}` },
    })),
    ...(at !== undefined && { faults: Object.fromEntries(repaired) as Record<string, object> }),
  }
}

function nameOf({ each, path }: Look): string {
  return `${each.replace(/\W+/g, "_")}_${path === undefined ? "port" : "health"}`
}

/** What an agent is told: names and addresses. */
function* places(groups: Guess["groups"], looks: readonly Look[], lasting: readonly string[]): Generator<string> {
  const grouped = Object.values(groups).flat()
  for (const name of [...Object.keys(groups), ...lasting.filter((service) => !grouped.includes(service))]) {
    const port = looks.find(({ each }) => each === name)?.port
    yield `${name}: {${name in groups ? "urls" : "url"}:${name}${port === undefined ? "" : `:${port}`}}.`
  }
}

function toYaml(block: Block, { looks, lasting, prometheus, needs_health_checks }: Guess): string {
  const { about, brief, groups = {}, ready, invariants, faults = {} } = block
  const web = looks.find(({ path, each }) => path !== undefined && each !== prometheus)
  const at = `http://{any:${web?.each ?? Object.keys(groups)[0] ?? lasting[0]}}:${web?.port ?? 8080}`
  const lines = [
    "# How operator watches, loads and breaks this. What is commented out are examples.",
    `${KEY}:`,
    `  about: ${quoted(about)}`,
    "  # What an agent is told: names and addresses, nothing else.",
    `  brief: ${quoted(brief)}`,
    ...section(
      "groups",
      Object.entries(groups).map(([name, members]) => `    ${quoted(name)}: ${inline(members)}`),
    ),
    "  # All gates hold for `stable`, under load, before anything is broken.",
    `  ready: { timeout: ${ready.timeout}, stable: ${ready.stable} }`,
    ...(prometheus === undefined ? [] : [`  prometheus: ${quoted(`http://${prometheus}:9090`)}`]),
    "",
    "  # That every node runs is watched anyway. An answer below 500 is enough, unless `holds` asks for more.",
    ...(needs_health_checks ? NOTICES : []),
    ...(invariants.length === 0 ? NO_INVARIANTS : ["  invariants:"]),
    ...invariants.flatMap(({ name, role, severity, each, probe }, index) => [
      `    - name: ${quoted(name)}`,
      ...(role === undefined ? [] : [`      role: ${role}`]),
      `      severity: ${severity}`,
      `      each: ${quoted(each)}`,
      `      probe: ${inline(probe)}${looks[index]?.certain ? "" : " # guessed from its ports or its image"}`,
      ...(looks[index]?.path === undefined ? [] : ["      # holds: status = 200"]),
    ]),
    ...(prometheus === undefined ? [] : ALERT),
    "",
    ...workload(at),
    ...section(
      "faults",
      Object.entries(faults).flatMap(([name, fault]) => [`    ${name}:`, ...pairs(fault)]),
    ),
    "",
    ...state(at),
  ]
  return `${lines.join("\n")}\n`
}

const NOTICES = [
  "  # The containers' own health checks are gates for as long as all that is declared here are notices.",
]

const NO_INVARIANTS = [
  "  # invariants:",
  "  #   - name: answers",
  "  #     probe: { exec: \"echo '{}'\" }",
  "  #     holds: $exists(body)",
]

const ALERT = ["    # - name: targets", "    #   role: notice", "    #   alert: up == 0", "    #   for: 10s"]

function workload(at: string): string[] {
  return [
    "  # What is written with a `read` is looked for at the end of each trial.",
    "  # workload:",
    "  #   rate: 20/s",
    `  #   write: { http: { method: PUT, url: ${JSON.stringify(`${at}/items/{key}`)}, body: "{value}" } }`,
    `  #   read: { http: ${JSON.stringify(`${at}/items/{key}`)}, holds: body = value }`,
    "  #   slo: { success: 0.99, p99: 500ms }",
    "",
  ]
}

function state(at: string): string[] {
  return [
    "  # Captured before and after: what a repair must leave as it was.",
    "  # state:",
    `  #   - { name: settings, probe: { http: ${JSON.stringify(`${at}/settings`)} }, pick: body }`,
  ]
}

function section(name: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`  ${name}:`, ...lines]
}

function pairs(fault: object): string[] {
  return Object.entries(fault).map(
    ([key, value]) => `      ${key}: ${typeof value === "string" ? quoted(value) : inline(value)}`,
  )
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`
  if (typeof value !== "object" || value === null) return quoted(String(value))
  const inner = Object.entries(value).map(([key, one]) => `${quoted(key)}: ${inline(one)}`)
  return `{ ${inner.join(", ")} }`
}

/** Plain where YAML takes it for text. */
function quoted(text: string): string {
  const isPlain = /^[a-z][\w-]*$/i.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
  return isPlain ? text : JSON.stringify(text)
}
