import { labelFilter, listLabelled } from "./containers.ts"
import type { Engine } from "./engine.ts"
import { type Filter, LAB_LABEL, PLACE_LABEL } from "./membership.ts"

/** What carries a label, by what it is removed by. */
export interface Labelled {
  containers: string[]
  networks: string[]
  volumes: string[]
}

/** What the engine holds of one lab, known by nothing but its label. */
export interface Traces extends Labelled {
  lab: string
  /** As `placeOf`; undefined when nothing of it says. */
  place: string | undefined
}

/** Everything that carries a label. */
export async function everythingWith(engine: Engine, label: Filter): Promise<Labelled> {
  const { containers, networks, volumes } = await lists(engine, label)
  return {
    containers: containers.map(({ Id }) => Id),
    networks: networks.map(({ Id }) => Id),
    volumes: volumes.map(({ Name }) => Name),
  }
}

/** All labs of which the engine holds anything, whoever has made them. */
export async function labsOfEngine(engine: Engine, limits: { timeout_ms: number }): Promise<Traces[]> {
  const { containers, networks, volumes } = await lists(engine, { label: LAB_LABEL }, limits)
  const all = [...containers, ...networks, ...volumes]
  return [...Map.groupBy(all, ({ Labels }) => Labels?.[LAB_LABEL] ?? "")].map(([lab, found]) => {
    const its = <T>(some: readonly T[]) => some.filter((one) => found.includes(one as never))
    return {
      ...{ lab, place: found.map(({ Labels }) => Labels?.[PLACE_LABEL]).find(Boolean) },
      containers: its(containers).map(({ Id }) => Id),
      networks: its(networks).map(({ Id }) => Id),
      volumes: its(volumes).map(({ Name }) => Name),
    }
  })
}

// internal

type Labels = { Labels: Record<string, string> | null }

async function lists(engine: Engine, label: Filter, limits: { timeout_ms?: number } = {}) {
  const query = labelFilter(label)
  const [containers, networks, volumes] = await Promise.all([
    listLabelled(engine, label, limits),
    engine.request<({ Id: string } & Labels)[]>("GET", "/networks", { query, ...limits }),
    engine.request<{ Volumes: ({ Name: string } & Labels)[] | null }>("GET", "/volumes", { query, ...limits }),
  ])
  return { containers, networks: networks ?? [], volumes: volumes?.Volumes ?? [] }
}
