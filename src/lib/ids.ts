import { randomBytes } from "node:crypto"

/** `n` random lower-case hexadecimal digits. */
export function randomHex(digits: number): string {
  return randomBytes(Math.ceil(digits / 2))
    .toString("hex")
    .slice(0, digits)
}

/** An id that sorts by time: "2026-01-28T20-54-48-3a029c12". Sessions, trials and campaigns carry it. */
export function timedId(now: Date): string {
  return `${now.toISOString().slice(0, 19).replaceAll(":", "-")}-${randomHex(8)}`
}

/** A neutral name for a lab: "etcd-7f3a". Says what runs in it and nothing about why. */
export function labId(subject: string): string {
  return `${subject}-${randomHex(4)}`
}

/** SHA-256 in lower-case hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex")
}
