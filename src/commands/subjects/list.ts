import { defineCommand } from "../../lib/command.ts"
import { listFiles } from "../../lib/listing.ts"
import { platformsOf } from "../../lab/outline.ts"
import { readSubject } from "../../lab/parse-subject.ts"
import { printList } from "../files/list.ts"

export default defineCommand({
  about:
    "The subjects: those of compose/ in the working directory, which stand before built-in ones of the same name. A broken file is a line with its problem.",
  examples: ["operator subjects list", "operator subjects list --json | jq -r '.[].name'"],
  args: {},
  run: async ({ args }) => {
    const listed = await listFiles("compose", "subject", readSubject)
    printList(
      listed,
      {
        data: (subject) => ({ about: subject.about, platforms: platformsOf(subject), services: subject.services }),
        columns: [{ title: "RUNS ON", value: (subject) => platformsOf(subject).join(", ") }],
        about: ({ about }) => about,
        next: "operator subjects show NAME tells what one is",
      },
      { json: args.json === true },
    )
  },
})
