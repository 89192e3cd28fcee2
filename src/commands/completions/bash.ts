import { defineCommand } from "../../lib/command.ts"
import script from "./operator.bash" with { type: "text" }

export default defineCommand({
  about: "Prints the script with which bash completes commands, flags, names and ids.",
  examples: ['eval "$(operator completions bash)"   # in ~/.bashrc'],
  args: {},
  run: () => void process.stdout.write(script),
})
