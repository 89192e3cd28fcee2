import { randomHex } from "../lib/ids.ts"
import { ask, NoAnswer } from "./client.ts"

/** The prefix of a limit of its own, so that a probe takes nothing from anybody. */
const PROBE_PREFIX = "ghost-probe:"
/** Checks beyond the limit. One would do; three make a race between nodes likelier to show. */
const EXTRA_CHECKS = 3
/** A node that doesn't answer within this is left out. */
const ANSWER_TIMEOUT_MS = 500
/** More than the store's patience, so that a 503 is seen as such. */
const CHECK_TIMEOUT_MS = 1_000

export interface Ghosts {
  sent: number
  allowed: number
  max: number
  ghosts: number
}

/**
 * Sends more checks of one fresh key than its limit allows, all at once and spread over the nodes that answer. A ghost is one
 * that was allowed beyond the limit. Only checks with a verdict count as sent; throws NoAnswer when none has one.
 */
export async function probeGhosts(urls: string[], max: number): Promise<Ghosts> {
  const answering = await whichAnswer(urls)
  const key = `${PROBE_PREFIX}${randomHex(16)}`
  const checks =
    answering.length === 0 ? [] : Array.from({ length: max + EXTRA_CHECKS }, (_, n) => n % answering.length)
  const verdicts = await Promise.all(checks.map((n) => isAllowed(answering[n]!, key)))
  const sent = verdicts.filter((verdict) => verdict !== undefined).length
  if (sent === 0) throw new NoAnswer(`no node gives a verdict: ${urls.join(", ")}`)
  const allowed = verdicts.filter((verdict) => verdict === true).length
  return { sent, allowed, max, ghosts: Math.max(0, allowed - max) }
}

// internal

async function whichAnswer(urls: string[]): Promise<string[]> {
  const answers = await Promise.all(urls.map((url) => statusOf(url, "/limits", { timeout_ms: ANSWER_TIMEOUT_MS })))
  return urls.filter((_, n) => answers[n] === 200)
}

/** The check's verdict, or undefined when the node gave none. */
async function isAllowed(url: string, key: string): Promise<boolean | undefined> {
  const status = await statusOf(url, "/check", { timeout_ms: CHECK_TIMEOUT_MS, method: "POST", body: { key } })
  return status === 200 ? true : status === 429 ? false : undefined
}

async function statusOf(...question: Parameters<typeof ask>): Promise<number | undefined> {
  try {
    return (await ask(...question)).status
  } catch (error) {
    if (error instanceof NoAnswer) return undefined
    throw error
  }
}
