import { defineCommand } from "../../lib/command.ts"
import script from "./operator.fish" with { type: "text" }

export default defineCommand({
  about: "Prints the script with which fish completes commands, flags, names and ids.",
  examples: ["operator completions fish > ~/.config/fish/completions/operator.fish"],
  args: {},
  run: () => void process.stdout.write(script),
})
