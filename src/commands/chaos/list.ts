import { BUILT_IN } from "../../chaos/catalogue.ts"
import { defineCommand } from "../../lib/command.ts"
import { listFiles } from "../../lib/listing.ts"
import { note, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { readSubject } from "../../lab/parse-subject.ts"

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
  const listed = await listFiles("compose", "subject", readSubject)
  return listed.flatMap(({ name, problem, value: subject }) => {
    if (problem !== undefined) note(`${name}: ${problem}`)
    return Object.entries(subject?.faults ?? {}).flatMap(([fault, { declared }]) =>
      declared ? [{ ...declaredEverywhere, name: fault, subject: subject!.name, about: declared.about }] : [],
    )
  })
}

const declaredEverywhere = { platforms: ["process", "docker"] as const, heals_itself: false }
