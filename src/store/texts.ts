import { OperatorError } from "../lib/errors.ts"
import { sha256 } from "../lib/ids.ts"
import type { Store } from "./open.ts"

export type TextKind = "subject" | "campaign" | "variant" | "prompt" | "prices"

export interface Text {
  kind: TextKind
  /** The file that it was read from. */
  name: string
  content: string
}

/** Keeps a text that a run depended on, by its hash, so that editing the file rewrites no history. */
export function keepText(store: Store, kind: TextKind, name: string, content: string): string {
  const hash = sha256(content)
  store.write(() =>
    store.db
      .query("insert or ignore into texts (hash, kind, name, content) values (?, ?, ?, ?)")
      .run(hash, kind, name, content),
  )
  return hash
}

/** A text that was kept. When the store does not hold it, somebody took it out. */
export function readText(store: Store, hash: string): Text {
  const text = store.db.query<Text, [string]>("select kind, name, content from texts where hash = ?").get(hash)
  if (!text) throw new OperatorError(`the store does not hold the text ${hash}`)
  return text
}
