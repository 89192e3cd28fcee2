import type { Confirmation, Phase } from "./kinds.ts"

/** The events of a fault's life. */
export interface InjectionBodies {
  "injection.planned": {
    injection: string
    fault: string
    targets: string[]
    params: unknown
    undo: unknown
    /** When it ends by itself. */
    expires_at?: string
  }
  "injection.phase": { injection: string; phase: Phase; reason: string | null }
  "injection.confirmed": { injection: string; confirmation: Confirmation; evidence: string; expires_at?: string }
  "injection.probed": {
    injection: string
    state: "active" | "gone" | "void" | "unknown"
    moment: string
    reason?: string
  }
  /** What by the same checks was seen after its end, as by `injection.confirmed` while it was there. Null: nobody could tell. */
  "injection.baseline": { injection: string; felt: boolean | null; evidence: string }
  /** Every gate holds again since `recovered_at`, after its end. */
  "injection.recovered": { injection: string; recovered_at: string }
}
