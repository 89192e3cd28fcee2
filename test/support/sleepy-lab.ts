import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSubject } from "../../src/lab/parse-subject.ts"
import type { Node } from "../../src/lab/lab.ts"
import { layOut, type ProcessLab, processLab } from "../../src/lab/platforms/process.ts"
import { residents } from "../../src/lab/platforms/residents.ts"
import { createLab } from "../../src/store/labs.ts"
import { openStore, type Store } from "../../src/store/open.ts"
import { keepText } from "../../src/store/texts.ts"

export interface SleepyLab extends AsyncDisposable {
  store: Store
  lab: ProcessLab
  /** Outside of the lab: what stays when it is destroyed. */
  dir: string
  node(name: string): Node
  /** The states of all nodes, by their names. */
  states(): Record<string, string>
  /** Processes of the lab, running or stopped. */
  residents(): number
  /** Another lab of the same subject in the same store. */
  another(id: string, trial?: string): Promise<ProcessLab>
}

/**
 * A lab whose nodes are real processes that sleep, with a store of its own; gone with `await using`. `faults` are those that
 * the subject declares; its nodes `a`, `b` and `c` make up the group `trio`.
 */
export async function sleepyLab(faults: Record<string, unknown> = {}): Promise<SleepyLab> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "sleepy-")))
  const store = openStore(join(dir, "operator.db"))
  const labs: ProcessLab[] = []
  const raise = async (id: string, trial: string | null) => {
    const lab = await raised(store, join(dir, "labs", id), { id, trial, faults })
    labs.push(lab)
    return lab
  }
  const lab = await raise("sleepy-1", null)
  return {
    store,
    lab,
    dir,
    node: (name) => lab.look().find((node) => node.name === name)!,
    states: () => Object.fromEntries(lab.look().map(({ name, state }) => [name, state])),
    residents: () => residents(lab.dir).length,
    another: (id, trial) => raise(id, trial ?? null),
    [Symbol.asyncDispose]: async () => {
      for (const lab of labs) await lab.destroy()
      store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

// internal

const NODES = ["a", "b", "c"]

async function raised(
  store: Store,
  dir: string,
  { id, trial, faults }: { id: string; trial: string | null; faults: Record<string, unknown> },
): Promise<ProcessLab> {
  const command = `sh -c 'echo 1 >data/port; exec sleep 600'`
  const text = JSON.stringify({
    name: "sleepy",
    services: Object.fromEntries([...NODES, "idle"].map((name) => [name, {}])),
    "x-operator": {
      groups: { trio: NODES },
      faults: { node_kill: { group: "trio" }, node_pause: { group: "trio" }, ...faults },
      processes: Object.fromEntries(NODES.map((name) => [name, { command }])),
    },
  })
  const subject = await parseSubject(text, "sleepy.yaml")
  const subject_text = keepText(store, "subject", "sleepy.yaml", text)
  const deadline_at = new Date(Date.now() + 600_000).toISOString()
  createLab(store, { id, subject: "sleepy", subject_text, platform: "process", dir, trial, deadline_at })
  layOut(subject, dir)
  const lab = processLab(id, subject, dir)
  await Promise.all(lab.look().map(({ name }) => lab.start(name)))
  return lab
}
