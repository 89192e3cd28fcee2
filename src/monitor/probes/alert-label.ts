import { sha256 } from "../../lib/ids.ts"

/** Longer labels are cut, and told apart by a hash: a node's name stands in every line about it. */
const MAX_LABEL_CHARS = 100
const HASH_CHARS = 8

/** The labels that say at which node something was seen, the likeliest first. */
const NODE_LABELS = ["instance", "service", "node", "pod", "container", "host", "hostname", "address", "name"]
/** Labels that tell no series of one expression from another. */
const SILENT_LABELS = new Set(["__name__", "job", "alertname", "severity"])

/**
 * What a series is called as a node: the node that its labels name, with a service's port left out, then its other labels
 * in short ("etcd0 grpc_method=Put"). The same labels always give the same name. Undefined for a series without labels.
 */
export function labelOfSeries(
  labels: Readonly<Record<string, string>>,
  services: readonly string[],
): string | undefined {
  const chosen = chosenLabel(labels)
  const others = Object.entries(labels)
    .filter(([name]) => name !== chosen && !SILENT_LABELS.has(name))
    .map(([name, value]) => `${name}=${value}`)
    .sort()
  const label = [nodeOfSeries(labels, services) ?? "", others.join(",")].filter((word) => word !== "").join(" ")
  if (label === "") return undefined
  if (label.length <= MAX_LABEL_CHARS) return label
  return `${label.slice(0, MAX_LABEL_CHARS - HASH_CHARS - 1)}…${sha256(label).slice(0, HASH_CHARS)}`
}

/** The node that the labels of a series name, a service's port left out; undefined when they name none. */
export function nodeOfSeries(
  labels: Readonly<Record<string, string>>,
  services: readonly string[],
): string | undefined {
  const chosen = chosenLabel(labels)
  return chosen === undefined ? undefined : withoutPort(labels[chosen]!, services).slice(0, MAX_LABEL_CHARS)
}

// internal

function chosenLabel(labels: Readonly<Record<string, string>>): string | undefined {
  return NODE_LABELS.find((name) => (labels[name] ?? "") !== "")
}

function withoutPort(address: string, services: readonly string[]): string {
  const host = /^([^:]+):\d+$/.exec(address)?.[1]
  return host !== undefined && services.includes(host) ? host : address
}
