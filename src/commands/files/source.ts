import { print } from "../../lib/output.ts"

/** The file's own text, for `--source`. */
export function printSource(text: string): void {
  print(text.replace(/\n$/, ""))
}

export const SOURCE = { type: "boolean", description: "print the file's own text instead" } as const
