import { type FaultOutline, outlineCatalogue, outlineDeclared, outlineFor } from "../../chaos/outline.ts"
import { wanted } from "../../chaos/parameters.ts"
import { defineCommand } from "../../lib/command.ts"
import { listFiles } from "../../lib/listing.ts"
import { note, oneLine, paint, print, printJson, safeText } from "../../lib/output.ts"
import { wrapped } from "../../lib/text.ts"
import { findSubject, readSubject } from "../../lab/parse-subject.ts"
import { PLATFORMS } from "../../lab/lab.ts"
import { textFor } from "../../lab/per-platform.ts"

export default defineCommand({
  about:
    "The faults with their parameters: those that every subject may use, and those that subjects declare; or all that can be done to one subject, and what it says of them.",
  examples: ["operator chaos list", "operator chaos list etcd", "operator chaos list --json"],
  args: {
    subject: {
      type: "positional",
      required: false,
      complete: "subject",
      description: "a subject's name or its Compose file; left out, the whole catalogue",
    },
  },
  run: async ({ args }) => {
    const faults =
      args.subject === undefined
        ? [...outlineCatalogue(), ...(await declared())]
        : outlineFor(await findSubject(args.subject))
    if (args.json) return printJson(faults)
    for (const [place, fault] of faults.entries()) {
      if (place > 0) print("")
      printFault(fault)
    }
    if (!faults.some(({ declares }) => declares?.repair)) return
    print("")
    say(
      "In a repair {node} is each node that was broken, {kitchen} the image of the agent's tools, {lab} a lab's folder.",
    )
  },
})

// internal

async function declared(): Promise<FaultOutline[]> {
  const listed = await listFiles("compose", "subject", readSubject)
  return listed.flatMap(({ name, problem, value: subject }) => {
    if (problem !== undefined) note(`${name}: ${problem}`)
    return subject ? outlineDeclared(subject) : []
  })
}

function printFault({ name, subject, platforms, elsewhere, about, parameters, declares }: FaultOutline): void {
  const { bold, cyan, dim } = paint(process.stdout)
  const whose = subject === null ? "" : ` of ${subject}`
  print(`${bold(oneLine(name))}${oneLine(whose)}  ${dim(platforms.join(" "))}`)
  say(elsewhere === null ? about : `${about} (elsewhere not: ${elsewhere})`)
  for (const parameter of parameters) {
    const value = parameter.default === null ? "" : `=${showValue(parameter.default)}`
    const text = parameter.about === null ? wanted(parameter) : `${parameter.about} (${wanted(parameter)})`
    say(`--param ${parameter.name}${value}  ${text}`, cyan)
  }
  if (!declares) return
  const { group, noticed_by, repair } = declares
  say([group === null ? "" : `at ${group}`, noticed(noticed_by)].filter(Boolean).join("; "))
  if (repair === null) return say("no repair is declared")
  for (const platform of PLATFORMS) {
    const command = textFor(repair, platform)
    if (command === undefined) continue
    say(`repaired on ${platform} by`)
    // As it was written, for whoever copies it.
    for (const line of command.trim().split("\n")) print(`${INDENT}${INDENT}${safeText(line)}`)
  }
}

const noticed = (by: readonly string[]) => (by.length === 0 ? "noticed by nothing" : `noticed by ${by.join(", ")}`)

const showValue = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value))

/** An indented paragraph, as wide as the terminal; the first two words of a parameter are its own. */
function say(text: string, colour: (text: string) => string = (plain) => plain): void {
  if (text === "") return
  const { stdout } = process
  const width = stdout.isTTY ? stdout.columns || Infinity : Infinity
  for (const [place, line] of wrapped(oneLine(text), width - INDENT.length * 2).entries()) {
    const shown = place === 0 ? line.replace(/^--param \S+/, colour) : `${INDENT}${line}`
    print(`${INDENT}${shown}`)
  }
}

const INDENT = "  "
