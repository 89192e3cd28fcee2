import { readCampaign } from "../../campaign/file.ts"
import { defineCommand } from "../../lib/command.ts"
import { listFiles } from "../../lib/listing.ts"
import { printList } from "../files/list.ts"

export default defineCommand({
  about:
    "The campaigns that can be run: the files of campaigns/ in the working directory, and those that are built in. What was run, operator eval list shows.",
  examples: ["operator campaigns list", "operator campaigns list --json"],
  args: {},
  run: async ({ args }) => {
    printList(
      await listFiles("campaigns", "campaign", readCampaign),
      {
        data: ({ about = "", subjects, faults, variants, trials }) => ({
          ...{ about, subjects, variants, trials },
          faults: faults.map(({ fault }) => fault),
        }),
        columns: [
          { title: "SUBJECTS", value: ({ subjects }) => subjects.join(" "), flexible: true },
          { title: "FAULTS", value: ({ faults }) => faults.map(({ fault }) => fault).join(" "), flexible: true },
          { title: "VARIANTS", value: ({ variants }) => variants.join(" "), flexible: true },
          { title: "TRIALS", value: ({ trials }) => trials, align: "right" },
        ],
        about: ({ about }) => about ?? "",
        next: "operator campaigns show NAME tells what one would run, operator campaign NAME runs it",
      },
      { json: args.json === true },
    )
  },
})
