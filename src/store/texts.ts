import { sha256 } from "../lib/ids.ts"
import type { Store } from "./open.ts"

export type TextKind = "subject" | "campaign" | "variant" | "prompt" | "prices"

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

export function readText(store: Store, hash: string): { kind: TextKind; name: string; content: string } | undefined {
  return (
    store.db
      .query<{ kind: TextKind; name: string; content: string }, [string]>(
        "select kind, name, content from texts where hash = ?",
      )
      .get(hash) ?? undefined
  )
}
