import { BUILT_IN } from "../../chaos/catalogue.ts"
import { defineCommand } from "../../lib/command.ts"
import { discover } from "../../lib/discovery.ts"
import { messageOf } from "../../lib/errors.ts"
import { note, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { findSubject } from "../../lab/parse-subject.ts"

export default defineCommand({
  about: "The faults: those that every subject may use, and those that a subject declares itself.",
  examples: ["operator chaos list", "operator chaos list --json"],
  args: {},
  run: async ({ args }) => {
    const faults = [...builtIn(), ...(await declared())]
    if (args.json) return printJson(faults)
    printTable(faults, [
      { title: "FAULT", value: (fault) => fault.name },
      { title: "SUBJECT", value: (fault) => fault.subject ?? "any" },
      { title: "PLATFORMS", value: (fault) => fault.platforms.join(" ") },
      { title: "ABOUT", value: (fault) => fault.about, flexible: true },
    ])
  },
})

// internal

function builtIn() {
  return BUILT_IN.map(({ name, about, platforms, heals_itself }) => ({
    name,
    subject: null as string | null,
    platforms,
    heals_itself,
    about,
  }))
}

async function declared(): Promise<ReturnType<typeof builtIn>> {
  const faults: ReturnType<typeof builtIn> = []
  for (const { name } of discover("compose")) {
    try {
      const subject = await findSubject(name)
      for (const [fault, { declared }] of Object.entries(subject.faults)) {
        if (!declared) continue
        const { about } = declared
        faults.push({
          name: fault,
          subject: subject.name,
          platforms: ["process", "docker"],
          heals_itself: false,
          about,
        })
      }
    } catch (error) {
      note(`${name}: ${messageOf(error)}`)
    }
  }
  return faults
}
