import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { whereabouts } from "../../../lib/discovery.ts"
import { EnvironmentError, Interrupted } from "../../../lib/errors.ts"
import { labId } from "../../../lib/ids.ts"
import type { Lab } from "../../lab.ts"
import { lastWords } from "../../last-words.ts"
import type { Subject } from "../../subject.ts"
import { compose, composeEnvironment } from "./compose.ts"
import { type ComposeFile, composeFileOf, normalised } from "./compose-file.ts"
import { copyTree } from "./copy.ts"
import type { Engine } from "./engine.ts"
import { builtImages, imageVolumes, provideImages } from "./images.ts"
import { keepVolumes } from "./keep-volumes.ts"
import { placeOf } from "./membership.ts"
import { makeMountedFolder, mountedFolder } from "./mounted-folder.ts"
import { membersOfNetworks, ownFile, withSubnets } from "./own-file.ts"
import { requireRoom } from "./preflight.ts"
import { freeSubnets } from "./subnets.ts"

/** A subject's file, looked through for the project of one lab. Nothing was made yet. */
export interface ComposePlan {
  subject: Subject
  file: ComposeFile
  folder: string
  /** Its files are inside this executable, where no other program reads them. */
  embedded: boolean
  /** The image of each service that is built. */
  built: Record<string, string>
}

/** Throws a UsageError for what a lab may not have, and an EnvironmentError for what this machine does not. */
export async function planCompose(engine: Engine, subject: Subject, id: string): Promise<ComposePlan> {
  const { folder, embedded } = whereabouts(subject.file)
  const file = await normalised(subject, id, { folder, embedded })
  await requireRoom(engine, file)
  return { subject, file, folder, embedded, built: await builtImages(file) }
}

/** Looks through a subject's file as `planCompose` does, and provides its images, so that no lab has to wait for them. */
export async function prepareCompose(engine: Engine, subject: Subject): Promise<void> {
  const { file, built, embedded } = await planCompose(engine, subject, labId(subject.name))
  const scratch = mkdtempSync(join(tmpdir(), "images-"))
  try {
    await provideImages(engine, file, built, { scratch, embedded })
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/**
 * Makes what a plan says: images first, then the lab's own file with addresses of its own, then all services at once, until Compose
 * says that they are healthy. What is there when this rejects, which it does at once when `signal` aborts, is for `destroy` to remove.
 */
export async function composeUp(engine: Engine, plan: ComposePlan, lab: Lab, signal?: AbortSignal): Promise<void> {
  mkdirSync(lab.dir, { recursive: true })
  const { folder, built, subject, embedded } = plan
  await provideImages(engine, plan.file, built, { scratch: lab.dir, embedded, ...(signal && { signal }) })
  const image_volumes = await imageVolumes(engine, plan.file, built)
  const own = {
    ...{ id: lab.id, place: placeOf(dirname(lab.dir)), dir: mountedFolder(lab.dir) },
    ...{ folder, built, image_volumes, egress: subject.egress },
  }
  const { file, copies } = ownFile(plan.file, own)
  if (copies.length > 0) makeMountedFolder(lab.dir)
  for (const { from, to } of copies) copyTree(from, to)
  for (let attempt = 1; ; attempt++) {
    const subnets = await freeSubnets(engine, membersOfNetworks(file))
    writeFileSync(composeFileOf(lab.dir), JSON.stringify(withSubnets(file, subnets), null, 2))
    const failure = await up(lab, plan.subject.ready.timeout, [], signal)
    if (failure === undefined) return keepVolumes(engine, lab.id, file)
    if (signal?.aborted) throw new Interrupted(`${lab.id} was interrupted before it was up`)
    if (attempt < ADDRESS_TRIES && TAKEN.test(failure)) continue
    const why = [`${lab.id} did not come up: ${failure}`, await lastWords(lab)].filter(Boolean).join("\n")
    throw new EnvironmentError(why, {
      hint: `its services must run, and be healthy within the subject's ready.timeout; operator audit show ${lab.id} keeps this`,
    })
  }
}

/** Creates what a lab's file says and is not there any more: a container that somebody has removed. */
export async function composeAgain(lab: Lab, service: string): Promise<void> {
  const failure = await up(lab, RECREATE_TIMEOUT_MS, ["--no-deps", "--no-recreate", service])
  if (failure !== undefined) throw new EnvironmentError(`${service} of ${lab.id} did not come up: ${failure}`)
}

// internal

/** Labs that come up at the same moment may choose the same addresses; each of them then chooses again. */
const ADDRESS_TRIES = 8
const TAKEN = /Pool overlaps/

const RECREATE_TIMEOUT_MS = 30_000
/** Compose itself, and the engine on a machine that brings up several labs. */
const UP_GRACE_MS = 60_000

/** Undefined once everything runs, and is healthy where that can be told; else what Compose says. */
async function up(lab: Lab, wait_ms: number, more: string[] = [], signal?: AbortSignal): Promise<string | undefined> {
  const wait_s = String(Math.ceil(wait_ms / 1_000))
  const words = ["--progress", "quiet", "--project-directory", "/", "-p", lab.id, "-f", "-", "up", "--detach"]
  const { exit_code, said, timed_out } = await compose([...words, "--wait", "--wait-timeout", wait_s, ...more], {
    cwd: lab.dir,
    // Compose writes the paths of file and project on every container, where an agent would read them.
    stdin: readFileSync(composeFileOf(lab.dir), "utf8"),
    // With the lab's mark: it ends with the lab, should its owner die.
    env: composeEnvironment(lab.environment()),
    timeout_ms: wait_ms + UP_GRACE_MS,
    ...(signal && { signal }),
  })
  if (exit_code === 0) return undefined
  return timed_out ? `not within ${wait_s} s` : said || `docker compose ended with ${exit_code ?? "a signal"}`
}
