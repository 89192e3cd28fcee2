import { defineCommand } from "../lib/command.ts"
import { EnvironmentError } from "../lib/errors.ts"
import { note, paint, print, printJson } from "../lib/output.ts"
import { printTable } from "../lib/table.ts"
import { storeFile } from "../store/open.ts"
import { checkDocker } from "./doctor/docker.ts"
import type { Finding } from "./doctor/finding.ts"
import { checkKey } from "./doctor/key.ts"
import { checkLabsFolder } from "./doctor/labs-folder.ts"
import { checkLoopback } from "./doctor/loopback.ts"
import { checkMachine, checkOpenFiles } from "./doctor/machine.ts"
import { type Asked, askModel, modelFinding } from "./doctor/model.ts"
import { checkOrphans } from "./doctor/orphans.ts"
import { checkProgram } from "./doctor/program.ts"
import { checkProcessTable, checkShell } from "./doctor/shell.ts"
import { checkStore } from "./doctor/store.ts"

export default defineCommand({
  about:
    "What this machine can run, what not, and the command that mends it. Exit 4 when process labs cannot run, or the model that was to be asked does not answer.",
  examples: [
    "operator doctor",
    "operator doctor --model claude-haiku-5-5",
    "operator doctor --json --db /data/operator.db",
  ],
  args: {
    model: { type: "string", valueHint: "NAME", description: "also ask this model for a word: fractions of a cent" },
  },
  run: async ({ args }) => {
    const file = storeFile(args.db)
    const findings: Finding[] = [
      checkProgram(),
      checkStore(file),
      checkLabsFolder(file),
      await checkLoopback(),
      checkShell(),
      checkProcessTable(),
      checkOpenFiles(),
      checkMachine(),
      await checkDocker(),
      checkKey(),
      checkOrphans(file),
    ]
    const lacking = findings.filter(({ state }) => state === "missing").map(({ check }) => check)
    const asked = args.model === undefined ? undefined : await askModel(args.model)
    if (args.json) printJson({ process_labs: lacking.length === 0, findings, ...(asked && { model: asked }) })
    else show(asked ? [...findings, modelFinding(asked)] : findings)
    if (asked) requireAnswer(asked)
    if (lacking.length === 0) return note("process labs can run here: operator campaign quickstart")
    throw new EnvironmentError(`process labs cannot run here: ${lacking.join(", ")}`, {
      hint: "mend what is missing, and ask again: operator doctor",
    })
  },
})

// internal

function requireAnswer(asked: Asked): void {
  if (asked.answered) return
  throw new EnvironmentError(`${asked.asked} did not answer: ${asked.reason}`, { hint: asked.mend })
}

const COLOUR = { ok: "green", note: "yellow", missing: "red" } as const

function show(findings: readonly Finding[]): void {
  printTable(findings, [
    { title: "CHECK", value: ({ check }) => check },
    { title: "STATE", value: ({ state }) => state, paint: ({ state }, colours) => colours[COLOUR[state]] },
    { title: "FOUND", value: ({ found }) => found },
  ])
  const mended = findings.filter(({ mend }) => mend !== null)
  if (mended.length > 0) print("")
  const { dim } = paint(process.stdout)
  for (const { check, mend } of mended) print(`${dim(`${check}:`)} ${mend}`)
}
