/** What one check found. `missing` keeps process labs from running; a `note` is worth knowing, and no more. */
export interface Finding {
  check: string
  state: "ok" | "note" | "missing"
  found: string
  /** The command that mends it, or what else to do. */
  mend: string | null
}

export function ok(check: string, found: string): Finding {
  return { check, state: "ok", found, mend: null }
}

export function note(check: string, found: string, mend: string | null = null): Finding {
  return { check, state: "note", found, mend }
}

export function missing(check: string, found: string, mend: string): Finding {
  return { check, state: "missing", found, mend }
}
