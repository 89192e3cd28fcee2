import { defineCommand } from "../../lib/command.ts"
import script from "./operator.zsh" with { type: "text" }

export default defineCommand({
  about: "Prints the script with which zsh completes commands, flags, names and ids.",
  examples: ["source <(operator completions zsh)", "operator completions zsh > ~/.zfunc/_operator"],
  args: {},
  run: () => void process.stdout.write(script),
})
