import { initSubject } from "../../campaign/init-subject.ts"
import { defineCommand } from "../../lib/command.ts"
import { note, printJson } from "../../lib/output.ts"
import { printSource } from "../files/source.ts"

export default defineCommand({
  about:
    "Prints a Compose file with an `x-operator` block to start from: groups, health checks and faults as far as they can be guessed, and examples of the rest in comments.",
  examples: [
    "operator subjects init compose.yaml > compose/mine.yaml",
    "operator subjects init compose/mine.yaml --write && operator subjects check mine",
  ],
  args: {
    file: { type: "positional", description: "a Compose file" },
    write: { type: "boolean", description: "write it into the file, behind all that is there" },
  },
  run: async ({ args }) => {
    const { text, problems, guess } = await initSubject(args.file, { write: args.write === true })
    const { groups, looks } = guess
    if (args.json) printJson({ file: args.file, written: args.write === true, groups, looks, problems, text })
    else if (!args.write) printSource(text)
    const many = problems.length === 1 ? "a problem" : `${problems.length} problems`
    if (problems.length > 0) note(`the file has ${many}: operator subjects check says where`)
    else note(`next: operator subjects check ${args.write ? args.file : "FILE"}, then with --live`)
  },
})
