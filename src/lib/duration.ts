import { UsageError } from "./errors.ts"

/** A number with its unit. A bare number is none: its unit would be a guess. */
export const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/

/** Milliseconds in "250ms", "2s", "1.5m" or "8h". Anything else is a UsageError. */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text.trim())
  if (!match) throw new UsageError(`"${text}" is not a duration`, { hint: "write 500ms, 2s, 10m or 1h" })
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
}

/** A duration for people: "340 ms", "12.4 s", "3 m 05 s", "2 h 10 m". */
export function showDuration(duration_ms: number): string {
  if (duration_ms < 1_000) return `${Math.round(duration_ms)} ms`
  if (duration_ms < 60_000) return `${(duration_ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(duration_ms / 1_000)
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
  return hours > 0 ? `${hours} h ${pad(minutes)} m` : `${minutes} m ${pad(rest)} s`
}

// internal

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

const pad = (n: number) => String(n).padStart(2, "0")
