/** Takes secrets out of a stream of bytes, also when one is split between two chunks. */
export interface Redactor {
  /** What is known to be clean so far. The last bytes may be held back: they could be the beginning of a secret. */
  push(chunk: Uint8Array): Uint8Array
  /** What was held back. */
  end(): Uint8Array
}

/** Replaces each of `secrets` by "[redacted]", the longest first where two begin at one place. Short ones are left alone. */
export function redactor(secrets: string[]): Redactor {
  const needles = secrets.filter((secret) => secret.length >= SHORTEST_SECRET).map((secret) => Buffer.from(secret))
  if (needles.length === 0) return { push: (chunk) => chunk, end: () => NOTHING }
  needles.sort((a, b) => b.length - a.length)
  // As latin1 each byte is one character, so that a pattern can be looked for in bytes of any kind.
  const pattern = new RegExp(needles.map((needle) => RegExp.escape(needle.toString("latin1"))).join("|"), "g")
  const held_bytes = needles[0]!.length - 1
  let held: Buffer = NOTHING

  /** Settles what begins before `end`: a secret that does is whole in `bytes`. The rest is held back. */
  function settle(bytes: Buffer, end: number): Uint8Array {
    if (!needles.some((needle) => bytes.includes(needle))) {
      held = bytes.subarray(end)
      return bytes.subarray(0, end)
    }
    const text = bytes.toString("latin1")
    let clean = ""
    let from = 0
    for (const match of text.matchAll(pattern)) {
      if (match.index >= end) break
      clean += text.slice(from, match.index) + REPLACEMENT
      from = match.index + match[0].length
    }
    held = bytes.subarray(Math.max(from, end))
    return Buffer.from(clean + text.slice(from, Math.max(from, end)), "latin1")
  }

  return {
    push(chunk) {
      const bytes = Buffer.concat([held, chunk])
      return settle(bytes, Math.max(0, bytes.length - held_bytes))
    },
    end: () => settle(held, held.length),
  }
}

/** The same for a text that is there as a whole. */
export function withoutSecrets(text: string, secrets: string[]): string {
  const redact = redactor(secrets)
  return Buffer.concat([redact.push(Buffer.from(text)), redact.end()]).toString("utf8")
}

// internal

const REPLACEMENT = "[redacted]"

/** In characters. Anything shorter ("true", "admin") would be found where it means nothing. */
const SHORTEST_SECRET = 8

const NOTHING = Buffer.alloc(0)
