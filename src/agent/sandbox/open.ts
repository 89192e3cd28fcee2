import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { UsageError } from "../../lib/errors.ts"
import { type Lab, LabUnreachable } from "../../lab/lab.ts"
import { dockerEngine } from "../../lab/platforms/docker/engine.ts"
import { KITCHEN_IMAGE, provideKitchen } from "../../lab/platforms/docker/kitchen-image.ts"
import { KITCHEN_LABEL, LAB_LABEL } from "../../lab/platforms/docker/membership.ts"
import { makeKitchenFolder, removeKitchenFolder } from "../../lab/platforms/docker/mounted-folder.ts"
import { ownerLabel } from "../../lab/platforms/docker/owner-label.ts"
import { append } from "../../store/events.ts"
import type { Store } from "../../store/open.ts"
import { kitchenShell } from "./kitchen.ts"
import { raiseKitchen, removeKitchen } from "./kitchen/raise.ts"
import { localShell } from "./local.ts"
import { provisionFor } from "./provision.ts"
import { type Scope, type ScopeEntry, startScope } from "./scope/scope.ts"
import type { Shell } from "./shell.ts"
import { openView, type View } from "./view.ts"

/** The place where an agent's commands run, beside one lab. With it ends whatever runs there; what was changed in the lab stays. */
export interface Sandbox extends AsyncDisposable {
  shell: Shell
  /** Opens what can be seen from there. Left out where the shell is this machine's own, which hides nothing. */
  view?: () => Promise<View>
}

/** This machine's own shell for a lab of processes; for one of containers a kitchen beside it, with an engine in which nothing else exists. */
export async function openSandbox(store: Store, lab: Lab): Promise<Sandbox> {
  if (lab.platform === "process") {
    return { shell: localShell({ cwd: lab.dir, env: lab.environment() }), [Symbol.asyncDispose]: async () => {} }
  }
  return openKitchen(store, lab)
}

// internal

const UNIX = /^unix:\/\//

async function openKitchen(store: Store, lab: Lab): Promise<Sandbox> {
  const engine = dockerEngine()
  if (!UNIX.test(engine.host)) {
    throw new UsageError(`the engine at ${engine.host} cannot be given to a kitchen: only one behind a Unix socket can`)
  }
  await provideKitchen(engine)
  const { file, networks, terms } = await provisionFor(engine, lab)
  const folder = makeKitchenFolder(lab.dir)
  const socket_dir = join(folder, "run")
  const compose_file = join(folder, "compose.yaml")
  mkdirSync(socket_dir)
  if (file) writeFileSync(compose_file, JSON.stringify(file, null, 2))
  let scope: Scope | undefined
  const close = async () => {
    try {
      await removeKitchen(engine, lab.id)
    } catch (error) {
      // It is labelled as the lab's, and goes with it.
      if (!(error instanceof LabUnreachable)) throw error
    } finally {
      await scope?.close()
      removeKitchenFolder(lab.dir, folder)
    }
  }
  try {
    const scoped = {
      engine: engine.host.replace(UNIX, ""),
      lab: lab.id,
      ...terms,
      allowed_images: [KITCHEN_IMAGE, ...terms.images],
      egress: lab.subject.egress,
      hidden_label: KITCHEN_LABEL,
    }
    const socket = join(socket_dir, "docker.sock")
    scope = await startScope({ ...scoped, socket, onRequest: (entry) => record(store, lab.id, entry) })
    const container = await raiseKitchen({
      ...{ engine, lab: lab.id, image: KITCHEN_IMAGE, socket_dir, networks },
      ...(file && { compose_file }),
      labels: { [LAB_LABEL]: lab.id, ...ownerLabel() },
      egress: lab.subject.egress,
      env: { COMPOSE_PROJECT_NAME: terms.project },
    })
    const view = () => openView({ engine, container, scope: { ...scoped, socket: join(folder, "view.sock") } })
    return { shell: kitchenShell({ engine, container }), view, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

function record(store: Store, lab: string, entry: ScopeEntry): void {
  const { method, path, route, decision, reason, mutating, containers } = entry
  append(store, lab, "docker.request", {
    method,
    path,
    route: route ?? null,
    decision,
    reason: reason ?? null,
    mutating,
    containers,
  })
}
