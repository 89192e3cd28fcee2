import type { YamlProblem } from "../../../lib/yaml-document.ts"

/** What `docker compose config` says of a file, at the place that it speaks of as far as that can be told: at the top where it cannot. */
export function complaint(said: string): YamlProblem {
  const text = `docker compose does not take it: ${said.replace(/\s*\n\s*/g, " ")}`
  const [, above, surplus] = SURPLUS.exec(said) ?? []
  if (above !== undefined && surplus !== undefined)
    return { path: [...keysOf(above.replace("(root)", "")), surplus], text, at: "key" }
  const [, service] = SERVICE.exec(said) ?? []
  if (service !== undefined) return { path: ["services", service], text, at: "key" }
  const [path = ""] = PATH.exec(said) ?? []
  return { path: keysOf(path), text }
}

// internal

/** "services.a Additional property imagee is not allowed" */
const SURPLUS = /(\(root\)|[\w.-]+) Additional property (.+) is not allowed/
/** 'service "a" depends on undefined service "b"' */
const SERVICE = /^service "([^"]+)"/m
/** "services.a.healthcheck.interval must be a string", "'services[a].mem_limit'" */
const PATH = /\b(?:services|networks|volumes|configs|secrets)[.[][\w.[\]-]+/

/** Names with dots in them come apart; then the place is that of the last part that is there. */
function keysOf(path: string): (string | number)[] {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== "")
  return keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key))
}
