import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { messageOf } from "../lib/errors.ts"
import { labId } from "../lib/ids.ts"
import { createLab, getLab, markUp } from "../store/labs.ts"
import type { Store } from "../store/open.ts"
import type { RunsOn } from "../store/runs-on.ts"
import { keepText } from "../store/texts.ts"
import { type Guardian, startGuardian } from "./guardian.ts"
import type { Lab, Platform } from "./lab.ts"
import { dockerEngine, requireEngine } from "./platforms/docker/engine.ts"
import { dockerLab } from "./platforms/docker/lab.ts"
import { composeUp, planCompose, prepareCompose } from "./platforms/docker/raise.ts"
import { isLabelled } from "./platforms/docker/remove.ts"
import { runsOn } from "./platforms/docker/runs-on.ts"
import { layOut, processLab, requireProcesses } from "./platforms/process.ts"
import type { Subject } from "./subject.ts"

export interface RaiseOptions {
  /** Left out: processes where the subject says how, else Docker. */
  platform?: Platform | undefined
  trial: string | null
  /** From now; after it the guardian destroys the lab, whatever its owner says. */
  deadline_ms: number
  /** The command line of the guardian, to which the lab's id is added. */
  guardian: readonly string[]
  /** Ends the wait for images and containers: it then rejects with Interrupted. */
  signal?: AbortSignal | undefined
}

/**
 * Brings up a new lab: its record first, then its guardian, then its nodes, all at once, each of which listens (or is healthy, as
 * Compose sees it) when this resolves. Should it fail half-way, the guardian has cleared up when this rejects; after a trial's it does
 * so as soon as this process lets go of the lifeline. What the subject may not have is a UsageError before there is any record.
 */
export async function raiseLab(
  store: Store,
  subject: Subject,
  options: RaiseOptions,
): Promise<{ lab: Lab; guardian: Guardian }> {
  const start_ms = store.clock.mono_ms()
  const platform = platformFor(subject, options.platform)
  const { id, dir } = await newName(store, subject.name, platform)
  const site = platform === "docker" ? await dockerSite(subject, id, dir) : processSite(subject, id, dir)
  createLab(store, {
    id,
    subject: subject.name,
    subject_text: keepText(store, "subject", subject.file, subject.text),
    platform,
    dir,
    trial: options.trial,
    deadline_at: new Date(store.clock.now().getTime() + options.deadline_ms).toISOString(),
  })
  const guardian = await startGuardian(store, id, [...options.guardian, "--lab", id, "--db", store.file])
  const runs_on = await site.build(options.signal).catch(async (error: unknown) => {
    // A trial says first what became of it.
    if (options.trial === null) await guardian.clearUp(messageOf(error))
    throw error
  })
  const nodes = (await site.lab.nodes()).map(({ name }) => name)
  markUp(store, id, nodes, store.clock.mono_ms() - start_ms, runs_on)
  return { lab: site.lab, guardian }
}

/** Where a subject runs: where it is asked to, else as processes when it says how. A UsageError when it cannot run there. */
export function platformFor(subject: Subject, asked: Platform | undefined): Platform {
  const platform = asked ?? (Object.keys(subject.processes).length > 0 ? "process" : "docker")
  if (platform === "process") requireProcesses(subject)
  return platform
}

/** Throws an EnvironmentError when this machine lacks what the platform needs. */
export async function requirePlatform(platform: Platform): Promise<void> {
  if (platform === "docker") await requireEngine()
}

/**
 * Finds out before anything begins what `raiseLab` would find: a UsageError for what the subject may not have, an EnvironmentError
 * for what this machine lacks. Images that are missing are built or pulled.
 */
export async function prepareLabs(subject: Subject, platform: Platform): Promise<void> {
  await requirePlatform(platform)
  if (platform === "docker") await prepareCompose(dockerEngine(), subject)
}

/** Where the folders of labs are: beside the store that knows of them. */
export function labsFolder(store: Pick<Store, "file">): string {
  return join(dirname(store.file), "labs")
}

/** An id that no lab has, which begins with `name`, and where the folder of such a lab is to be. */
export async function newName(store: Store, name: string, platform: Platform): Promise<{ id: string; dir: string }> {
  for (;;) {
    const id = labId(name)
    const dir = join(labsFolder(store), id)
    if (getLab(store, id) || existsSync(dir)) continue
    // Another store's lab may have the same name on the same engine.
    if (platform === "docker" && (await isLabelled(dockerEngine(), id))) continue
    return { id, dir }
  }
}

// internal

/** A lab that is not there yet, and how it comes to be. */
interface Site {
  lab: Lab
  build(signal: AbortSignal | undefined): Promise<RunsOn | undefined>
}

function processSite(subject: Subject, id: string, dir: string): Site {
  const lab = processLab(id, subject, dir)
  const build = async () => {
    layOut(subject, dir)
    await Promise.all(lab.look().map((node) => lab.start(node.name)))
    return undefined
  }
  return { lab, build }
}

async function dockerSite(subject: Subject, id: string, dir: string): Promise<Site> {
  const engine = dockerEngine()
  const lab = dockerLab(id, subject, dir, engine)
  const plan = await planCompose(engine, subject, id)
  const build = async (signal: AbortSignal | undefined) => {
    await composeUp(engine, plan, lab, signal)
    return runsOn(engine, id)
  }
  return { lab, build }
}
