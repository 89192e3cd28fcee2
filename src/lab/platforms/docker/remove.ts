import { OperatorError } from "../../../lib/errors.ts"
import { listLabelled } from "./containers.ts"
import { type Engine, EngineRefusal } from "./engine.ts"
import { everythingWith } from "./labelled.ts"
import { LAB_LABEL, labelOf, membershipOf } from "./membership.ts"
import { ownerLives } from "./owner-label.ts"

/** What is being made while it is removed shows up in the next look. */
const ROUNDS = 20
const ROUND_PAUSE_MS = 100
const REMOVE_TIMEOUT_MS = 20_000

/**
 * Removes every container, network and volume that carries a lab's label, and nothing else: names are not asked. Containers are
 * killed, with the volumes that have no name. Returns how many containers there were. `settle`: somebody was just making more, so
 * one more look is taken after a pause.
 */
export async function removeLabelled(engine: Engine, id: string, { settle }: { settle: boolean }): Promise<number> {
  const removed = new Set<string>()
  let sure = !settle
  for (let round = 0; round < ROUNDS; round++) {
    const found = await labelled(engine, id)
    if (found.containers.length + found.networks.length + found.volumes.length === 0) {
      if (sure) return removed.size
      sure = true
    }
    await together(found.containers, (one) => remove(engine, `/containers/${one}`, { force: "true", v: "true" }))
    for (const one of found.containers) removed.add(one)
    await Promise.all([
      together(found.networks, (one) => removeNetwork(engine, one)),
      together(found.volumes, (one) => remove(engine, `/volumes/${one}`, { force: "true" })),
    ])
    if (round > 0) await Bun.sleep(ROUND_PAUSE_MS)
  }
  const { containers, networks, volumes } = await labelled(engine, id)
  const left = [...containers, ...networks, ...volumes].map((one) => one.slice(0, 12))
  throw new OperatorError(`of ${id} these outlive their removal: ${left.join(", ")}`, {
    hint: `docker ps -a --filter label=${labelOf(membershipOf({ id }))} shows containers; operator chaos sweep tries again`,
  })
}

/**
 * Removes the containers with a lab's label that belong to a process which has died; with `force` those of the living, too. Returns how
 * many there were. For a lab that lives on: the kitchen of an agent that was killed.
 */
export async function removeAbandoned(engine: Engine, id: string, { force }: { force: boolean }): Promise<number> {
  const listed = await listLabelled(engine, membershipOf({ id }))
  const abandoned = listed.filter(({ Labels }) => isAbandoned(Labels, force))
  await Promise.all(abandoned.map(({ Id }) => remove(engine, `/containers/${Id}`, { force: "true", v: "true" })))
  return abandoned.length
}

/** Those of the labs of which `removeAbandoned` would remove something, by one request for all of them. */
export async function withAbandoned(
  engine: Engine,
  ids: readonly string[],
  { force, timeout_ms }: { force: boolean; timeout_ms: number },
): Promise<string[]> {
  const listed = await listLabelled(engine, { label: LAB_LABEL }, { timeout_ms })
  const found = new Set(listed.flatMap(({ Labels }) => (isAbandoned(Labels, force) ? [Labels[LAB_LABEL]] : [])))
  return ids.filter((id) => found.has(id))
}

/** Whether anything carries the label of a lab. */
export async function isLabelled(engine: Engine, id: string): Promise<boolean> {
  const { containers, networks, volumes } = await labelled(engine, id)
  return containers.length + networks.length + volumes.length > 0
}

// internal

const isAbandoned = (labels: Record<string, string>, force: boolean) => force || !ownerLives(labels)

const labelled = (engine: Engine, id: string) => everythingWith(engine, membershipOf({ id }))

/** A container without the label that somebody has connected keeps a network from going; it is let go of, and left alone. */
async function removeNetwork(engine: Engine, id: string): Promise<void> {
  const network = await engine.request<{ Containers: Record<string, unknown> }>("GET", `/networks/${id}`)
  await together(Object.keys(network?.Containers ?? {}), async (Container) => {
    await attempt(() => engine.request("POST", `/networks/${id}/disconnect`, { body: { Container, Force: true } }))
  })
  await remove(engine, `/networks/${id}`)
}

function together(all: readonly string[], work: (one: string) => Promise<void>): Promise<unknown> {
  return Promise.all(all.map(work))
}

async function remove(engine: Engine, path: string, query: Record<string, string> = {}): Promise<void> {
  await attempt(() => engine.request("DELETE", path, { query, timeout_ms: REMOVE_TIMEOUT_MS }))
}

/** What is in use, or being removed by somebody else (403, 409, 500), is tried again in the next round. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof EngineRefusal)) throw error
  }
}
