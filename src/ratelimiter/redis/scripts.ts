import books from "./books.lua" with { type: "text" }
import dispatch from "./dispatch.lua" with { type: "text" }
import prelude from "./prelude.lua" with { type: "text" }
import store from "./store.lua" with { type: "text" }

/** A Lua script, which a server knows by its hash once it has seen it. */
export interface Script {
  text: string
  sha1: string
}

export const STORE_SCRIPT = scriptOf(store)
export const BOOKS_SCRIPT = scriptOf(books)

/** Evaluates one operation of a script, and sends its text only to a server that hasn't seen it. */
export async function evaluate(
  client: Bun.RedisClient,
  { text, sha1 }: Script,
  args: readonly (string | number)[],
): Promise<unknown> {
  const words = ["0", ...args.map(String)]
  try {
    return await client.send("EVALSHA", [sha1, ...words])
  } catch (error) {
    // The server runs nothing of a script that it doesn't know, so it can be asked again.
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error
    return client.send("EVAL", [text, ...words])
  }
}

/** A script of some operations. */
export function scriptOf(operations: string): Script {
  const text = [prelude, operations, dispatch].join("\n")
  return { text, sha1: new Bun.CryptoHasher("sha1").update(text).digest("hex") }
}
