import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSubject } from "../../src/lab/parse-subject.ts"
import { layOut, type ProcessLab, processLab } from "../../src/lab/platforms/process.ts"
import { labId } from "../../src/lib/ids.ts"
import { createLab } from "../../src/store/labs.ts"
import { openStore, type Store } from "../../src/store/open.ts"
import { keepText } from "../../src/store/texts.ts"

export interface WatchedLab extends AsyncDisposable {
  lab: ProcessLab
  store: Store
  /** What a node's /health says from now on. */
  answers(node: string, answer: { status?: number; body?: unknown; delay_ms?: number }): void
  /** Writes a file into the lab's folder, all at once: what an exec probe of a test may print. */
  file(name: string, text: string): void
}

/**
 * A lab of small HTTP nodes, each a real process, with a store of its own under a temporary folder; gone with
 * `await using`. `block` is merged into its `x-operator` block. The nodes `a` and `b` make up the group `all`.
 */
export async function watchedLab(block: Record<string, unknown> = {}): Promise<WatchedLab> {
  const dir = mkdtempSync(join(tmpdir(), "watched-"))
  const store = openStore(join(dir, "operator.db"))
  const text = JSON.stringify({
    name: "watched",
    services: { a: {}, b: {} },
    "x-operator": { groups: { all: ["a", "b"] }, processes: { a: NODE, b: NODE }, ...block },
  })
  const subject = await parseSubject(text, "watched.yaml")
  const [id, labDir] = [labId("watched"), join(dir, "lab")]
  const subject_text = keepText(store, "subject", "watched.yaml", text)
  const deadline_at = new Date(Date.now() + 600_000).toISOString()
  createLab(store, { id, subject: "watched", subject_text, platform: "process", dir: labDir, trial: null, deadline_at })
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
  const file = (name: string, content: string) => {
    writeFileSync(join(labDir, `${name}.new`), content)
    renameSync(join(labDir, `${name}.new`), join(labDir, name))
  }
  return {
    lab,
    store,
    file,
    answers: (node, answer) => file(join(node, "answer"), JSON.stringify(answer)),
    [Symbol.asyncDispose]: end,
  }
}

// internal

const NODE = { command: `${process.execPath} ${join(import.meta.dir, "..", "fixtures", "watched", "server.ts")}` }
