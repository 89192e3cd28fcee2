import { checkFaults, type FaultCheck } from "../../campaign/check-faults.ts"
import { checkLive } from "../../campaign/check-live.ts"
import { checkSubject } from "../../campaign/check-subject.ts"
import { defineCommand } from "../../lib/command.ts"
import { findByBeginning } from "../../lib/discovery.ts"
import { CheckFailed, UsageError } from "../../lib/errors.ts"
import { showProblem } from "../../lib/file-error.ts"
import { interruption } from "../../lib/interruption.ts"
import { requireLoopback } from "../../lib/loopback.ts"
import { note, print, printJson } from "../../lib/output.ts"
import { type Platform, PLATFORMS } from "../../lab/lab.ts"
import { platformFor, requirePlatform } from "../../lab/raise.ts"
import type { Subject } from "../../lab/subject.ts"
import { openStore, type Store, storeFile } from "../../store/open.ts"
import { sweepAtStart } from "../sweep-at-start.ts"
import { printFaults } from "./print-faults.ts"
import { printLive } from "./print-live.ts"

export default defineCommand({
  about:
    "Looks through a subject's file and says all that is wrong with it, by file, line and column: exit 2. With --live it is also run, and left alone: every gate must hold, nothing may open a ticket or change the state, else exit 3. With --faults it is broken by each fault that it declares, which must be noticed as it says and repaired by what it says, else exit 3.",
  examples: [
    "operator subjects check compose/mine.yaml",
    "operator subjects check etcd --live",
    "operator subjects check ratelimiter --live --quiet 10s --json",
    "operator subjects check ratelimiter --faults --platform docker",
    "operator subjects check etcd --faults --fault node_pause",
  ],
  args: {
    subject: {
      type: "positional",
      complete: "subject",
      description: "a subject's name, or its beginning, or its file",
    },
    live: { type: "boolean", description: "bring up a lab of it, run every probe, and take it down" },
    faults: {
      type: "boolean",
      description: "break a lab of it by each of its faults, and have each repaired and reverted",
    },
    fault: { type: "string", valueHint: "F", complete: "fault", description: "with --faults: this one alone" },
    within: {
      type: "duration",
      default: "60s",
      description: "with --faults: for a fault to be noticed, and then for the lab to be well",
    },
    parallel: { type: "number", integer: true, min: 1, description: "with --faults: labs at once (one a processor)" },
    platform: { type: "enum", options: PLATFORMS, description: "where it runs; as for operator up when left out" },
    quiet: { type: "duration", default: "60s", description: "with --live: how long nothing may happen" },
  },
  run: async ({ args }) => {
    const found = findByBeginning("compose", args.subject, "subject")
    const { problems, not_checked, subject } = await checkSubject(found)
    const notes = subject?.notes ?? []
    if (!args.json) for (const problem of problems) print(showProblem(problem))
    for (const text of [...notes, ...not_checked.map((what) => `not checked: ${what}`)]) note(text)
    if (args.fault !== undefined && !args.faults) throw new UsageError("--fault F is one of --faults")
    const live = subject && args.live ? await run(subject, args, runLive(args.quiet)) : undefined
    const faults = subject && args.faults ? await run(subject, args, runFaults(args)) : undefined
    if (args.json) {
      const checked = { live: live ?? null, faults: faults ?? null }
      printJson({ name: found.name, file: found.file, problems, notes, not_checked, ...checked })
    }
    if (!args.json && live) printLive(live)
    if (!args.json && faults) printFaults(faults)
    if (!subject) {
      throw new UsageError(`${found.file} has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}`)
    }
    if (live && live.not_held.length > 0) {
      throw new CheckFailed(`${found.file} does not hold when it runs:\n${live.not_held.map(itemised).join("\n")}`, {
        hint: `operator audit show ${live.lab} tells the whole story`,
      })
    }
    requirePairs(found.file, faults ?? [])
    if (faults) note(`${found.file}: each fault is noticed and repaired as it is declared`)
    else note(live ? `${live.lab}: everything held` : `${found.file}: nothing is wrong with it`)
  },
})

// internal

const itemised = (text: string) => `  ${text}`

interface Flags {
  db?: string | undefined
  platform?: Platform | undefined
  fault?: string | undefined
  parallel?: number | undefined
  within: number
}

interface Running {
  store: Store
  subject: Subject
  platform: Platform
  signal: AbortSignal
}

async function run<T>(subject: Subject, flags: Flags, check: (running: Running) => Promise<T>): Promise<T> {
  const platform = platformFor(subject, flags.platform)
  await requirePlatform(platform)
  await requireLoopback()
  const store = openStore(storeFile(flags.db))
  try {
    await sweepAtStart(store)
    return await check({ store, subject, platform, signal: interruption() })
  } finally {
    store.close()
  }
}

function runLive(quiet_ms: number) {
  return ({ store, subject, ...running }: Running) => checkLive(store, subject, { ...running, quiet_ms, tell: note })
}

function runFaults({ fault, parallel, within: within_ms }: Flags) {
  return ({ store, subject, ...running }: Running) =>
    checkFaults(store, subject, { ...running, fault, parallel, within_ms, tell: note })
}

function requirePairs(file: string, faults: readonly FaultCheck[]): void {
  const failed = faults.filter(({ result }) => result === "failed")
  if (failed.length === 0) return
  const lines = failed.map(({ fault, reason }) => `  ${fault}: ${reason}`)
  const lab = failed.find((one) => one.lab !== null)?.lab
  throw new CheckFailed(`${file}: not every fault is noticed and repaired as it is declared:\n${lines.join("\n")}`, {
    ...(lab != null && { hint: `operator audit show ${lab} tells the whole story` }),
  })
}
