import type { Message, MessagesRequest } from "./script.ts"
import { checkAppended, checkFirst, checkGrowth, type Offered } from "./strict.ts"

/** One conversation, known by its last request alone: that text is the history. */
export interface Conversation {
  /** Counted from 1. */
  number: number
  /** How many answers it has taken from its script. */
  answers: number
  /** The text of its first message. */
  first: string
  last: Seen
  /** Of the first request, which does not change after it. */
  options: Options
  offered: Offered
  /** The size of the last request that was answered whole: what the cache holds. */
  cached_bytes: number
}

/** A request's text, and where in it the messages end. */
export interface Seen {
  raw: Buffer
  /** The offset of the bracket that closes `messages`; null when the text is laid out in a way of its own. */
  end: number | null
  count: number
}

export interface Options {
  model: string
  stream: boolean
  caches: "no" | "5m" | "1h"
  shows_thinking: boolean
}

export interface Placed {
  /** Null when the request begins one. */
  conversation: Conversation | null
  seen: Seen
  violations: string[]
}

/** Later conversations push the oldest out. */
const KEPT = 256

/**
 * The conversations of a server. A request is placed by comparing bytes, and what it adds is all that is parsed: a thousandth
 * turn costs no more than a comparison. Only what does not fit is taken apart to tell why.
 */
export class Conversations {
  #known: Conversation[] = []
  #begun = 0

  /** Where a request belongs that goes on from, or repeats, a known one byte for byte. */
  quickly(raw: Buffer): Placed | undefined {
    let fits: Placed | undefined
    for (const conversation of this.#known) {
      const added = addedTo(conversation.last, raw)
      if (!added || isNewBegin(conversation, added)) continue
      const { last, offered } = conversation
      const violations = checkAppended(offered, added, last.count)
      const end = raw.length - (last.raw.length - last.end!)
      const placed = { conversation, seen: { raw, end, count: last.count + added.length }, violations }
      if (violations.length === 0) return placed
      fits ??= placed
    }
    return fits
  }

  /** Where any other request belongs, and what is wrong with it there. A text says why it belongs nowhere. */
  thoroughly(raw: Buffer, body: MessagesRequest): Placed | string {
    const seen = { raw, end: messagesEnd(raw, body), count: body.messages.length }
    const alike = this.#startingWith(body)
    if (seen.count === 1) {
      const again = alike.find((conversation) => !isNewBegin(conversation, []) && conversation.last.count === 1)
      return again ? grown(again, seen, body) : { conversation: null, seen, violations: checkFirst(body) }
    }
    const text = raw.toString()
    const named = this.#known.filter(({ offered }) =>
      offered.blocks?.some(({ block }) => text.includes(String(block.id))),
    )
    const candidates = alike.length > 0 ? alike : named.length > 0 ? named : this.#known.length === 1 ? this.#known : []
    const judged = candidates.map((conversation) => grown(conversation, seen, body))
    const likeliest = judged.find(({ conversation }) => named.includes(conversation!)) ?? judged[0]
    const right = judged.find(({ violations }) => violations.length === 0)
    return right ?? likeliest ?? "messages: go on from no conversation that began here"
  }

  /** Whether the request's messages begin as those of a conversation do. */
  knows(body: MessagesRequest): boolean {
    return this.#startingWith(body).length > 0
  }

  begin(last: Seen, body: MessagesRequest): Conversation {
    this.#begun += 1
    const begun: Conversation = {
      number: this.#begun,
      answers: 0,
      first: JSON.stringify(body.messages[0]),
      last,
      options: optionsOf(last.raw, body),
      offered: { arrived: "whole" },
      cached_bytes: 0,
    }
    this.#known.unshift(begun)
    this.#known.splice(KEPT)
    return begun
  }

  #startingWith({ messages }: MessagesRequest): Conversation[] {
    const text = JSON.stringify(messages[0])
    return this.#known.filter(({ first }) => first === text)
  }
}

/** What of a request's options decides how it is answered. */
export function optionsOf(raw: Buffer, { model, stream, thinking }: MessagesRequest): Options {
  return {
    model,
    stream: stream === true,
    caches: !raw.includes('"cache_control"') ? "no" : raw.includes('"ttl":"1h"') ? "1h" : "5m",
    shows_thinking: (thinking as { display?: string } | undefined)?.display === "summarized",
  }
}

// internal

/** The first request of an answered conversation, once more, begins another one that starts alike. */
function isNewBegin({ last, offered }: Conversation, added: readonly Message[]): boolean {
  return added.length === 0 && last.count === 1 && (offered.arrived === "whole" || offered.arrived === "refused")
}

/** The messages that a request has more, when all else is byte for byte as before. */
function addedTo({ raw: before, end }: Seen, raw: Buffer): Message[] | undefined {
  if (end === null || raw.length < before.length) return undefined
  const tail = raw.length - (before.length - end)
  if (before.compare(raw, 0, end, 0, end) !== 0 || before.compare(raw, tail, raw.length, end) !== 0) return undefined
  if (tail === end) return []
  try {
    return JSON.parse(`[${raw.toString("utf8", end + 1, tail)}]`) as Message[]
  } catch {
    return undefined
  }
}

function grown(conversation: Conversation, seen: Seen, body: MessagesRequest): Placed {
  return { conversation, seen, violations: checkGrowth(parse(conversation.last), conversation.offered, body) }
}

function messagesEnd(raw: Buffer, { messages }: MessagesRequest): number | null {
  const text = `"messages":${JSON.stringify(messages)}`
  const start = raw.indexOf(text)
  return start < 0 ? null : start + Buffer.byteLength(text) - 1
}

function parse({ raw }: Seen): MessagesRequest {
  return JSON.parse(raw.toString()) as MessagesRequest
}
