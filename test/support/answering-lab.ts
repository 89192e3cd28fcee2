import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Lab } from "../../src/lab/lab.ts"
import { render, type Rotation } from "../../src/lab/render.ts"
import type { Subject } from "../../src/lab/subject.ts"
import { labId } from "../../src/lib/ids.ts"
import { createLab } from "../../src/store/labs.ts"
import { openStore, type Store } from "../../src/store/open.ts"
import { keepText } from "../../src/store/texts.ts"

/** What a service says at one of its ports: an answer, or undefined for a path that it does not know. */
export type Says = (request: Request, service: string) => Response | undefined | Promise<Response | undefined>

export interface AnsweringLab extends AsyncDisposable {
  lab: Lab
  store: Store
}

/**
 * A lab whose services run nowhere: each `service:port` of `speakers` is a server of this test, which the lab resolves to. What else
 * a lab can do, this one refuses.
 */
export function answeringLab(subject: Subject, speakers: Record<string, Says>): AnsweringLab {
  const dir = mkdtempSync(join(tmpdir(), "answering-"))
  const store = openStore(join(dir, "operator.db"))
  const id = labId(subject.name)
  const subject_text = keepText(store, "subject", subject.file, subject.text)
  const deadline_at = new Date(Date.now() + 600_000).toISOString()
  createLab(store, { id, subject: subject.name, subject_text, platform: "process", dir, trial: null, deadline_at })
  const servers = Object.entries(speakers).map(([address, says]) => [address, serve(address, says)] as const)
  const addresses = new Map(servers.map(([address, server]) => [address, `127.0.0.1:${server.port}`]))
  return {
    store,
    lab: labOf(subject, { id, dir, addresses }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map(([, server]) => server.stop(true)))
      store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

// internal

function serve(address: string, says: Says) {
  return Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, reusePort: false, development: false },
    fetch: async (request) =>
      (await says(request, address.split(":")[0]!)) ?? new Response("404 page not found\n", { status: 404 }),
  })
}

function labOf(
  subject: Subject,
  { id, dir, addresses }: { id: string; dir: string; addresses: Map<string, string> },
): Lab {
  const rotation: Rotation = new Map()
  const never = () => {
    throw new Error("a lab that only answers")
  }
  const url = (service: string, port: string | undefined) => `http://${addresses.get(`${service}:${port}`)}`
  return {
    id,
    subject,
    platform: "process",
    dir,
    nodes: async () => subject.services.map((name) => ({ name, service: name, state: "running" as const })),
    watchNodes: () => () => undefined,
    resolve: (text) => {
      const parsed = new URL(text)
      const address = addresses.get(parsed.host)
      if (address === undefined) return undefined
      parsed.host = address
      return parsed.href
    },
    render: (template, values) => render(template, subject, { lab: dir, url }, rotation, values),
    environment: () => ({}),
    ...{ start: never, signal: never, exec: never, logs: never, destroy: never },
  }
}
