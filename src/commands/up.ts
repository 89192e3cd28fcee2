import { workloadCommand } from "../campaign/stand.ts"
import { showDuration } from "../lib/duration.ts"
import { waitUntil } from "../lib/clock.ts"
import { defineCommand } from "../lib/command.ts"
import { EnvironmentError, Interrupted } from "../lib/errors.ts"
import { interruption } from "../lib/interruption.ts"
import { requireLoopback } from "../lib/loopback.ts"
import { note, print, printJson } from "../lib/output.ts"
import { ownCommand } from "../lib/own-command.ts"
import { lastWords } from "../lab/last-words.ts"
import { type Lab, PLATFORMS } from "../lab/lab.ts"
import { findSubject } from "../lab/parse-subject.ts"
import { platformFor, raiseLab, requirePlatform } from "../lab/raise.ts"
import { startWorkload } from "../lab/workload/process.ts"
import { startMonitor } from "../monitor/watch.ts"
import { sweepAtStart } from "./sweep-at-start.ts"
import { openStore, type Store, storeFile } from "../store/open.ts"

const LOOK_EVERY_MS = 20

export default defineCommand({
  about: "Brings up a lab under load, waits until all its gates hold, and leaves it running.",
  examples: ["operator up ratelimiter", "operator up ratelimiter --for 30m", "operator up ./compose/mine.yaml --json"],
  args: {
    platform: {
      type: "enum",
      options: PLATFORMS,
      description: "processes where the subject says how it runs without Docker, else docker",
    },
    subject: { type: "positional", complete: "subject", description: "a subject's name or its Compose file" },
    for: { type: "duration", default: "8h", description: "after this long the lab is taken down by itself" },
  },
  run: async ({ args }) => {
    const subject = await findSubject(args.subject)
    const platform = platformFor(subject, args.platform)
    await requirePlatform(platform)
    await requireLoopback()
    const store = openStore(storeFile(args.db))
    await sweepAtStart(store)
    const start_ms = store.clock.mono_ms()
    const signal = interruption()
    const { lab, guardian } = await raiseLab(store, subject, {
      platform,
      trial: null,
      deadline_ms: args.for,
      signal,
      guardian: ownCommand("part", "guardian"),
    })
    if (subject.workload)
      startWorkload(lab, { command: [...workloadCommand(store, lab), "--outlives-owner"], outlives_owner: true })
    await untilReady(store, lab, signal)
    await guardian.keep()
    await show(lab, store.clock.mono_ms() - start_ms, args.json === true)
    store.close()
  },
})

// internal

async function untilReady(store: Store, lab: Lab, signal: AbortSignal): Promise<void> {
  const { timeout, stable } = lab.subject.ready
  note(`${lab.id}: waiting until every gate has held for ${showDuration(stable)}`)
  const monitor = await startMonitor(store, lab)
  const waited = waitUntil(() => monitor.holdsFor(stable), { timeout_ms: timeout, every_ms: LOOK_EVERY_MS, signal })
  const ready = await Promise.race([waited, monitor.ended.then(() => false)])
  const failing = monitor.failing()
  await monitor.stop()
  if (signal.aborted) throw new Interrupted(`${lab.id} was not waited for; its guardian takes it down`)
  if (ready) return
  const what = `${lab.id} was not ready within ${showDuration(timeout)}: ${failing.join(", ")}`
  throw new EnvironmentError([what, await lastWords(lab)].filter(Boolean).join("\n"), {
    hint: "it was taken down; a longer ready.timeout in the subject gives it more time",
  })
}

async function show(lab: Lab, took_ms: number, json: boolean): Promise<void> {
  const seen = await lab.nodes()
  const nodes = seen.map(({ name, service, state }) => ({ name, state, url: lab.render(`{url:${service}}`) }))
  const { id, platform, dir, subject } = lab
  if (json) return printJson({ lab: id, subject: subject.name, platform, dir, took_ms: Math.round(took_ms), nodes })
  print(lab.id)
  note(`ready in ${showDuration(took_ms)}; its folder is ${lab.dir}`)
  note(
    `watch it: operator monitor ${lab.id}   break it: operator chaos inject ${lab.id} node_kill   end it: operator down ${lab.id}`,
  )
}
