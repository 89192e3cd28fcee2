import type { RunsOn } from "../../../store/runs-on.ts"
import { listLabelled, serviceOf } from "./containers.ts"
import type { Engine } from "./engine.ts"
import { membershipOf } from "./membership.ts"

/** Which engine runs a lab, and which images its services really have: a tag of today is another image tomorrow. */
export async function runsOn(engine: Engine, id: string): Promise<RunsOn> {
  const [version, containers] = await Promise.all([
    engine.request<Version>("GET", "/version"),
    listLabelled(engine, membershipOf({ id })),
  ])
  const images = await Promise.all(
    containers.map(async ({ Image, ImageID, Labels }) => {
      const image = await engine.request<{ RepoDigests: string[] | null }>("GET", `/images/${ImageID}/json`)
      const [digest] = image?.RepoDigests ?? []
      return [serviceOf(Labels) ?? "", { name: Image, id: ImageID, ...(digest !== undefined && { digest }) }] as const
    }),
  )
  const { Version = "", ApiVersion = "", Os = "", KernelVersion = "" } = version ?? {}
  return {
    engine: { version: Version, api: ApiVersion, os: Os, kernel: KernelVersion },
    images: Object.fromEntries(images.sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

// internal

interface Version {
  Version?: string
  ApiVersion?: string
  Os?: string
  KernelVersion?: string
}
