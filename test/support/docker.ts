import { test } from "bun:test"
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { labId } from "../../src/lib/ids.ts"
import type { Node } from "../../src/lab/lab.ts"
import { parseSubject } from "../../src/lab/parse-subject.ts"
import { dockerEngine, type Engine } from "../../src/lab/platforms/docker/engine.ts"
import { type DockerLab, dockerLab } from "../../src/lab/platforms/docker/lab.ts"
import { composeUp, planCompose } from "../../src/lab/platforms/docker/raise.ts"
import type { Store } from "../../src/store/open.ts"
import { WITHOUT_ENGINE } from "./engine.ts"
import { recordLab, storedLab } from "./stored-lab.ts"

/** A small image that is there without a registry (`.ci/docker` makes it), with a shell and little else. */
export const IMAGE = "debian:trixie-slim"

/** A test that needs a Docker engine: skipped where there is none, except in CI, where it fails. */
export const dockerTest = test.skipIf(WITHOUT_ENGINE)

/** Two services: `a`, and `b` with a health check and a volume. */
export const TINY = `name: tiny
services:
  a: &node
    image: ${IMAGE}
    command: [sh, -c, "echo $$HOSTNAME is up; exec sleep 600"]
    volumes: ["/anonymous"]
  b:
    <<: *node
    volumes: ["data:/data"]
    healthcheck: { test: [CMD, "true"], interval: 1s }
volumes: { data: {} }
x-operator:
  groups: { nodes: [a, b] }
  faults: { node_kill: { group: nodes }, node_pause: { group: nodes } }
`

/** Puts the subject `web` into the working directory of a home: small, and with everything that a trial needs. */
export function provideWeb({ dir }: { dir: string }): void {
  cpSync(join(import.meta.dir, "..", "fixtures", "web"), join(dir, "compose"), { recursive: true })
}

/** What the engine holds that carries a lab's label. */
export function labelled(id: string): string[] {
  const list = (...words: string[]) =>
    Bun.spawnSync(["docker", ...words, "-q", "--filter", `label=lab=${id}`])
      .stdout.toString()
      .split("\n")
      .filter(Boolean)
  return [...list("ps", "-a"), ...list("network", "ls"), ...list("volume", "ls")]
}

export interface TinyLab extends AsyncDisposable {
  lab: DockerLab
  engine: Engine
  node(name: string): Promise<Node>
}

/** A lab of a small file, up and without a guardian; gone with `await using`. `host` is another way to the engine. */
export async function tinyLab(text = TINY, host?: string): Promise<TinyLab> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "tiny-")))
  const subject = await parseSubject(text, join(dir, "tiny.yaml"))
  const id = labId("tiny")
  const lab = dockerLab(
    id,
    subject,
    join(dir, "lab"),
    host === undefined ? dockerEngine() : dockerEngine({ DOCKER_HOST: host }),
  )
  const engine = dockerEngine()
  const end = async () => {
    await dockerLab(id, subject, join(dir, "lab")).destroy()
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await composeUp(engine, await planCompose(engine, subject, id), lab)
    await lab.refresh()
  } catch (error) {
    await end()
    throw error
  }
  const node = async (name: string) => (await lab.nodes()).find(({ service }) => service === name)!
  return { lab, engine, node, [Symbol.asyncDispose]: end }
}

export interface StoredTinyLab extends TinyLab {
  store: Store
}

/** The same with a store that knows of it, for whoever breaks it. */
export async function storedTinyLab(text: string): Promise<StoredTinyLab> {
  const tiny = await tinyLab(text)
  const stored = storedLab()
  recordLab(stored.store, tiny.lab.id)
  const end = async () => {
    await tiny[Symbol.asyncDispose]()
    stored[Symbol.dispose]()
  }
  return { ...tiny, store: stored.store, [Symbol.asyncDispose]: end }
}
