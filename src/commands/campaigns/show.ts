import { readCampaign } from "../../campaign/file.ts"
import { resolveMatrix } from "../../campaign/matrix.ts"
import { defineCommand } from "../../lib/command.ts"
import { findByBeginning } from "../../lib/discovery.ts"
import { note, oneLine, paint, print, printJson } from "../../lib/output.ts"
import { openStore, storeFile } from "../../store/open.ts"
import { planData, planOf, printPlan } from "../campaign/plan.ts"
import { printSource, SOURCE } from "../files/source.ts"

export default defineCommand({
  about: "What a campaign would run, trial by trial, and for how long; what operator campaign NAME --dry-run shows.",
  examples: ["operator campaigns show quickstart", "operator campaigns show ./mine.yaml --json"],
  args: {
    campaign: {
      type: "positional",
      complete: "campaign",
      description: "a campaign's name, or its beginning, or its file",
    },
    source: SOURCE,
  },
  run: async ({ args }) => {
    const found = findByBeginning("campaigns", args.campaign, "campaign")
    if (args.source) return printSource(found.text)
    const request = await readCampaign(found)
    const store = openStore(storeFile(args.db))
    const plan = await planOf(store, await resolveMatrix(store, request), request)
    store.close()
    const { name, about = "", requirements } = request
    if (args.json) return printJson({ file: found.file, about, requirements, ...planData(plan) })
    print(`${paint(process.stdout).bold(oneLine(name))}  ${oneLine(found.file)}`)
    if (about !== "") print(about)
    print("")
    printPlan(plan)
    if (requirements.length > 0) note(`${requirements.length} requirements must hold, else its exit code is 3`)
  },
})
