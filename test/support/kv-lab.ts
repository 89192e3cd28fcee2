import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { labId } from "../../src/lib/ids.ts"
import { parseSubject } from "../../src/lab/parse-subject.ts"
import { layOut, type ProcessLab, processLab } from "../../src/lab/platforms/process.ts"
import { createLab } from "../../src/store/labs.ts"
import { openStore, type Store } from "../../src/store/open.ts"
import { keepText } from "../../src/store/texts.ts"

export interface KvOptions {
  nodes?: string[]
  rate?: number
  timeout_ms?: number
  /** Of test/fixtures/kv/server.ts. */
  flags?: string
  /** Leaves `read` out of the workload. */
  writeOnly?: boolean
}

export interface KvLab extends AsyncDisposable {
  lab: ProcessLab
  store: Store
}

/** A lab of the key-value service, with a store of its own: real processes and a temporary folder. */
export async function kvLab(options: KvOptions = {}): Promise<KvLab> {
  const dir = mkdtempSync(join(tmpdir(), "kv-lab-"))
  const store = openStore(join(dir, "operator.db"))
  const text = subjectText(options)
  const subject = await parseSubject(text, "kv.yaml")
  const [id, labDir] = [labId("kv"), join(dir, "lab")]
  const subject_text = keepText(store, "subject", "kv.yaml", text)
  const deadline_at = new Date(Date.now() + 600_000).toISOString()
  createLab(store, { id, subject: "kv", subject_text, platform: "process", dir: labDir, trial: null, deadline_at })
  layOut(subject, labDir)
  const lab = processLab(id, subject, labDir)
  const end = async () => {
    await lab.destroy()
    store.close()
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await Promise.all(subject.services.map((node) => lab.start(node)))
  } catch (error) {
    await end()
    throw error
  }
  return { lab, store, [Symbol.asyncDispose]: end }
}

/** The node of this name as it is now. */
export function nodeOf(lab: ProcessLab, name: string) {
  const node = lab.look().find((one) => one.name === name)
  if (!node) throw new Error(`${lab.id} has no node ${name}`)
  return node
}

// internal

function subjectText({ nodes = ["kv-a"], rate = 50, timeout_ms = 1_000, flags = "", writeOnly }: KvOptions): string {
  const server = join(import.meta.dir, "..", "fixtures", "kv", "server.ts")
  const command = `${process.execPath} ${server} --data "{lab}/store/kv" --port-file "{lab}/{node}/data/port" ${flags}`
  const read = { http: "http://{any:kv}/kv/{key}", holds: "body.value = value" }
  return JSON.stringify({
    name: "kv",
    services: Object.fromEntries(nodes.map((node) => [node, {}])),
    "x-operator": {
      groups: { kv: nodes },
      workload: {
        rate: `${rate}/s`,
        timeout: `${timeout_ms}ms`,
        write: {
          http: { method: "PUT", url: "http://{any:kv}/kv/{key}", body: { value: "{value}", n: "{n}" } },
          holds: "body.stored = key",
        },
        ...(writeOnly ? {} : { read }),
        slo: { success: 0.99, p99: "500ms" },
      },
      processes: Object.fromEntries(nodes.map((node) => [node, { command }])),
    },
  })
}
