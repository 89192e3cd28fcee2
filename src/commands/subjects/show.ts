import { defineCommand } from "../../lib/command.ts"
import { findByBeginning } from "../../lib/discovery.ts"
import { printJson } from "../../lib/output.ts"
import { outlineSubject } from "../../lab/outline.ts"
import { readSubject } from "../../lab/parse-subject.ts"
import { printSource, SOURCE } from "../files/source.ts"
import { printOutline } from "./print-outline.ts"

export default defineCommand({
  about: "What a subject is: its services, what must hold, how it is loaded, broken and repaired.",
  examples: [
    "operator subjects show etcd",
    "operator subjects show ./my/compose.yaml --json",
    "operator subjects show ratelimiter --source > compose/mine.yaml",
  ],
  args: {
    subject: {
      type: "positional",
      complete: "subject",
      description: "a subject's name, or its beginning, or its file",
    },
    source: SOURCE,
  },
  run: async ({ args }) => {
    const found = findByBeginning("compose", args.subject, "subject")
    if (args.source) return printSource(found.text)
    const outline = await outlineSubject(await readSubject(found))
    if (args.json) printJson(outline)
    else printOutline(outline)
  },
})
