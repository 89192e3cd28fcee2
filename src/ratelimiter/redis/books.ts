import type { Clock } from "../../lib/clock.ts"
import { messageOf, OperatorError } from "../../lib/errors.ts"
import type { Books } from "../books.ts"
import { connectTo } from "./connection.ts"
import { BOOKS_SCRIPT, type Script } from "./scripts.ts"

/** Keys that one script looks at, for which the nodes wait: a few milliseconds. */
const PAGE_KEYS = 500

/** Opens a store at a Redis server beside the nodes. */
export async function openRedisBooks(url: string, { clock, shown }: { clock: Clock; shown: string }): Promise<Books> {
  const { call, close } = openScript(url, BOOKS_SCRIPT, { clock, shown })
  /** Page by page: what an operation says of each, behind the last key of it. */
  async function* paged<T>(operation: string): AsyncGenerator<T[]> {
    for (let after: string | null = ""; after !== null;) {
      const [last, ...found]: [string | null, ...T[]] = await call(operation, after, PAGE_KEYS)
      yield found
      after = last
    }
  }
  return {
    countLog: async () => {
      const units = new Map<string, number>()
      for await (const found of paged<string | number>("count_log")) {
        for (let n = 0; n < found.length; n += 2)
          if (found[n + 1] !== 0) units.set(String(found[n]), Number(found[n + 1]))
      }
      return units
    },
    recount: async () => {
      let recounted = 0
      for await (const [wrong = 0] of paged<number>("recount")) recounted += wrong
      return recounted
    },
    close,
  }
}

/** One script of a store at a Redis server, beside the nodes. What it cannot do is an OperatorError. */
export function openScript(url: string, script: Script, { clock, shown }: { clock: Clock; shown: string }) {
  const connection = connectTo(url, { clock })
  const call = async <T>(operation: string, ...args: (string | number)[]): Promise<T> => {
    try {
      return (await connection.call(script, operation, ...args)) as T
    } catch (cause) {
      throw new OperatorError(`cannot open the store ${shown}: ${messageOf(cause)}`, { cause })
    }
  }
  return { call, close: connection.close }
}
