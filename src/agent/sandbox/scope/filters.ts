/** The `filters` parameter of a list, by key. */
export type Filters = Map<string, string[]>

/**
 * Reads a `filters` parameter in either of the engine's two forms: {key: {value: true}} or {key: [value]}.
 * Undefined for anything else, and for keys that are not among `keys`.
 */
export function parseFilters(text: string | undefined, keys: readonly string[]): Filters | undefined {
  const filters: Filters = new Map()
  const given = text === undefined || text === "" ? {} : parsed(text)
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined
  for (const [key, values] of Object.entries(given)) {
    if (!keys.includes(key) || typeof values !== "object" || values === null) return undefined
    const list: unknown[] = Array.isArray(values) ? values : Object.keys(values)
    if (!list.every((value) => typeof value === "string")) return undefined
    filters.set(key, list as string[])
  }
  return filters
}

/** In the form that all engines read. */
export function writeFilters(filters: Filters): string {
  const entries = [...filters].map(([key, values]) => [key, Object.fromEntries(values.map((value) => [value, true]))])
  return JSON.stringify(Object.fromEntries(entries))
}

/** The same, and only what has this label: the engine wants all label filters to hold. */
export function withLabel(filters: Filters, label: string): Filters {
  return new Map([...filters, ["label", [...(filters.get("label") ?? []), label]]])
}

// internal

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
