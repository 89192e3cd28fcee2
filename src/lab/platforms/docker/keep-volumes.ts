import { boundOf } from "./bounded-volume.ts"
import type { ComposeFile } from "./compose-file.ts"
import type { Engine } from "./engine.ts"
import { startOurs } from "./ours.ts"

/**
 * Keeps what is in a lab's bounded volumes from being lost when the node that has one restarts: such a volume lives for as long as a
 * container that mounts it. So one of ours does, which is hidden from agents and goes with the lab.
 */
export async function keepVolumes(engine: Engine, lab: string, file: ComposeFile): Promise<void> {
  const kept = Object.entries(file.volumes ?? {}).filter(([, volume]) => boundOf(volume ?? {}) !== undefined)
  if (kept.length === 0) return
  await startOurs(engine, lab, {
    name: `the volumes of ${lab}`,
    labels: {},
    host_config: {
      NetworkMode: "none",
      Mounts: kept.map(([key], n) => ({ Type: "volume", Source: `${lab}_${key}`, Target: `/${n}`, ReadOnly: true })),
      // After a restart of the engine what was in them is lost, and yet they are to be kept from then on.
      RestartPolicy: { Name: "always" },
    },
  })
}
