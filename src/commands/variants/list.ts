import { readVariant } from "../../agent/variant.ts"
import { defineCommand } from "../../lib/command.ts"
import { listFiles } from "../../lib/listing.ts"
import { printList } from "../files/list.ts"

export default defineCommand({
  about: "Who can be on call: the files of variants/ in the working directory, and those that are built in.",
  examples: ["operator variants list", "operator variants list --json"],
  args: {},
  run: async ({ args }) => {
    printList(
      await listFiles("variants", "variant", readVariant),
      {
        data: ({ about, model }) => ({ about, model }),
        columns: [{ title: "MODEL", value: ({ model }) => model }],
        about: ({ about }) => about,
        next: "operator variants show NAME tells how one is set",
      },
      { json: args.json === true },
    )
  },
})
