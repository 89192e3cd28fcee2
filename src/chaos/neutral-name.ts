import { sha256 } from "../lib/ids.ts"

/** A name in the world that follows from an injection's id, and says nothing: eight hexadecimal digits. */
export function neutralName(injection: string): string {
  return sha256(injection).slice(0, 8)
}
