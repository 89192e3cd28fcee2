import { checkLive, type LiveCheck } from "../../campaign/check-live.ts"
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
import { openStore, storeFile } from "../../store/open.ts"
import { sweepAtStart } from "../sweep-at-start.ts"
import { printLive } from "./print-live.ts"

export default defineCommand({
  about:
    "Looks through a subject's file and says all that is wrong with it, by file, line and column: exit 2. With --live it is also run, and left alone: every gate must hold, nothing may open a ticket or change the state, else exit 3.",
  examples: [
    "operator subjects check compose/mine.yaml",
    "operator subjects check etcd --live",
    "operator subjects check ratelimiter --live --quiet 10s --json",
  ],
  args: {
    subject: {
      type: "positional",
      complete: "subject",
      description: "a subject's name, or its beginning, or its file",
    },
    live: { type: "boolean", description: "bring up a lab of it, run every probe, and take it down" },
    platform: { type: "enum", options: PLATFORMS, description: "where it runs; as for operator up when left out" },
    quiet: { type: "duration", default: "60s", description: "with --live: how long nothing may happen" },
  },
  run: async ({ args }) => {
    const found = findByBeginning("compose", args.subject, "subject")
    const { problems, not_checked, subject } = await checkSubject(found)
    const notes = subject?.notes ?? []
    if (!args.json) for (const problem of problems) print(showProblem(problem))
    for (const text of [...notes, ...not_checked.map((what) => `not checked: ${what}`)]) note(text)
    const live = subject && args.live ? await run(subject, args) : undefined
    if (args.json) printJson({ name: found.name, file: found.file, problems, notes, not_checked, live: live ?? null })
    else if (live) printLive(live)
    if (!subject) {
      throw new UsageError(`${found.file} has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}`)
    }
    if (live && live.not_held.length > 0) {
      throw new CheckFailed(`${found.file} does not hold when it runs:\n${live.not_held.map(itemised).join("\n")}`, {
        hint: `operator audit show ${live.lab} tells the whole story`,
      })
    }
    note(live ? `${live.lab}: everything held` : `${found.file}: nothing is wrong with it`)
  },
})

// internal

const itemised = (text: string) => `  ${text}`

interface Flags {
  db?: string | undefined
  platform?: Platform | undefined
  quiet: number
}

async function run(subject: Subject, flags: Flags): Promise<LiveCheck> {
  const platform = platformFor(subject, flags.platform)
  await requirePlatform(platform)
  await requireLoopback()
  const store = openStore(storeFile(flags.db))
  try {
    await sweepAtStart(store)
    return await checkLive(store, subject, { platform, quiet_ms: flags.quiet, signal: interruption(), tell: note })
  } finally {
    store.close()
  }
}
