import { defineCommand } from "../../lib/command.ts"
import { complete } from "../../lib/complete.ts"
import { candidatesOf } from "../completions/candidates.ts"

/** What a shell offers for the word at the cursor, one candidate a line. The scripts of `completions` call it. */
export default defineCommand({
  args: {},
  rest: { name: "words", description: "what stands after the program's name, up to the cursor" },
  run: async ({ rest, root }) => {
    const found = await complete(root, rest, candidatesOf)
    process.stdout.write(found.map((candidate) => `${candidate}\n`).join(""))
  },
})
