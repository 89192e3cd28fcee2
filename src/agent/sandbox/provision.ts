import { readFileSync } from "node:fs"
import type { Lab } from "../../lab/lab.ts"
import { type ComposeFile, type ComposeService, composeFileOf } from "../../lab/platforms/docker/compose-file.ts"
import type { Engine } from "../../lab/platforms/docker/engine.ts"
import { type Project, projectOf } from "../../lab/platforms/docker/project.ts"
import type { Reach } from "../../lab/platforms/docker/way-out.ts"
import type { KitchenNetwork } from "./kitchen/raise.ts"
import type { Terms } from "./scope/terms.ts"

/** What the kitchen of a lab is given. */
export interface Provision {
  /** The Compose file, as the agent may see it. */
  file: ComposeFile | undefined
  /** The networks by which it reaches the services. */
  networks: KitchenNetwork[]
  /** What may be created through its engine, beside the kitchen's own image. */
  terms: Pick<Terms, "project" | "adopted" | "binds" | "wayOut"> & { images: string[] }
}

/**
 * By a lab's own file; of an adopted one by what its containers are now, since its file is its owner's. When he has taken all of it
 * down, the kitchen stands alone, and there is nothing that an agent could do but say so.
 */
export async function provisionFor(engine: Engine, lab: Lab): Promise<Provision> {
  if (lab.adopted === undefined) {
    return byFile(lab.id, JSON.parse(readFileSync(composeFileOf(lab.dir), "utf8")) as ComposeFile)
  }
  return byProject(await projectOf(engine, lab.adopted))
}

// internal

function byFile(id: string, file: ComposeFile): Provision {
  const services = Object.values(file.services)
  const images = services.flatMap(({ image }) => (image === undefined ? [] : [image]))
  const binds = services.flatMap((service) => bindsOf(service, file))
  const networks = [{ id: `${id}_${Object.keys(file.networks ?? { default: {} })[0]}` }]
  return { file, networks, terms: { project: id, images, binds } }
}

/** What a service mounts of this machine: folders and files, and configurations that are files. */
function bindsOf({ volumes = [], configs = [] }: ComposeService, file: ComposeFile) {
  const mounted = volumes.flatMap(({ type, source, target, read_only }) =>
    type === "bind" && source !== undefined ? [{ source, target, read_only: read_only === true }] : [],
  )
  const configured = configs.flatMap(({ source, target = `/${source}` }) => {
    const from = file.configs?.[source]?.file
    return from === undefined ? [] : [{ source: from, target, read_only: true }]
  })
  return [...mounted, ...configured]
}

/**
 * Without a file: a `docker compose up` from one that differs by a word from the owner's, in a variable of his shell for instance, would
 * make all of his containers anew. Compose does without one for whatever exists: start, stop, restart, ps, logs.
 */
function byProject({ name, members, networks, wayOut }: Project): Provision {
  const inside = members.filter(({ way_out }) => way_out === undefined)
  return {
    file: undefined,
    networks,
    terms: {
      project: name,
      adopted: true,
      images: [...new Set(members.flatMap(({ images }) => images))],
      binds: inside.flatMap(({ binds }) => binds),
      wayOut: (described) => wayOut(described as unknown as Reach),
    },
  }
}
