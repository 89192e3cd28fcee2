import { messageOf, OperatorError } from "../lib/errors.ts"

export interface Answer {
  status: number
  body: unknown
}

/** A node gave no answer in time, or one that isn't JSON. */
export class NoAnswer extends OperatorError {}

/** Asks the node at `base` for a path. Any status is an answer; none within `timeout_ms` throws NoAnswer. */
export async function ask(
  base: string,
  path: string,
  options: { timeout_ms: number; method?: string; body?: unknown },
): Promise<Answer> {
  const { timeout_ms, method = "GET", body } = options
  try {
    const response = await fetch(new URL(path, base), {
      method,
      signal: AbortSignal.timeout(timeout_ms),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  } catch (cause) {
    throw new NoAnswer(`${base} gives no answer to ${method} ${path}: ${messageOf(cause)}`, { cause })
  }
}

/** The body of a 200. Anything else throws NoAnswer: for the caller's question it is none. */
export async function askFor(base: string, path: string, options: { timeout_ms: number }): Promise<unknown> {
  const { status, body } = await ask(base, path, options)
  if (status !== 200) throw new NoAnswer(`${base} answers GET ${path} with ${status}: ${JSON.stringify(body)}`)
  return body
}
