import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Clock, systemClock } from "../../src/lib/clock.ts"
import { createCampaign } from "../../src/store/campaigns.ts"
import { append } from "../../src/store/events.ts"
import { createLab } from "../../src/store/labs.ts"
import { openStore, type Store } from "../../src/store/open.ts"
import { keepText } from "../../src/store/texts.ts"
import { createTrial } from "../../src/store/trials.ts"

export interface StoredLab extends Disposable {
  dir: string
  file: string
  store: Store
  lab: string
}

/** A store in a folder of its own that knows of one lab, which is nothing but its record; gone with `using`. */
export function storedLab(clock: Clock = systemClock): StoredLab {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "stored-lab-")))
  const file = join(dir, "operator.db")
  const store = openStore(file, clock)
  const remove = () => {
    store.close()
    rmSync(dir, { recursive: true, force: true })
  }
  return { dir, file, store, lab: recordLab(store, "kv-1"), [Symbol.dispose]: remove }
}

/** Records a lab, of which the log begins with one event; of a trial when it is named. */
export function recordLab(store: Store, id: string, trial: string | null = null, text = SUBJECT): string {
  const subject_text = keepText(store, "subject", "kv.yaml", text)
  const deadline_at = new Date(store.clock.now().getTime() + 600_000).toISOString()
  createLab(store, { id, subject: "kv", subject_text, platform: "process", dir: `/nowhere/${id}`, trial, deadline_at })
  return id
}

/** Makes a log of eight events; the fourth has everything that an event can have, the others do without. */
export function fillLog(store: Store, lab: string): void {
  append(store, lab, "gates", { since_ms: null, failing: ["health of a"] })
  append(store, lab, "node", { node: "a", state: "exited", pid: null })
  const command = { step: 1, call: "c1", command: "ls", reasoning: "to see" }
  append(store, lab, "command", command, { session: "s-1", blob: "out" })
  for (let n = 5; n <= 8; n++) append(store, lab, "gates", { since_ms: n, failing: [] })
}

export function recordCampaign(store: Store, id: string): void {
  createCampaign(store, { id, name: "kv none", matrix_hash: "0", matrix: "{}" })
}

/** Records an attempt at a campaign's one trial, before it has a lab. */
export function recordTrial(store: Store, campaign: string, id: string): void {
  const text = keepText(store, "variant", "nobody.yaml", "name: nobody\nabout: nobody is called\nmodel: nobody\n")
  createTrial(store, {
    ...{ id, campaign, subject: "kv", fault: "node_kill", target: "one", params: {}, variant: "nobody" },
    ...{ repetition: 1, seed: 1, limits: LIMITS, subject_text: text, variant_text: text, environment: {} },
  })
}

// internal

const SUBJECT = "name: kv\nservices: {a: {}}\n"

const LIMITS = {
  deadline_ms: 1_000,
  symptom_within_ms: 1_000,
  stable_ms: 1_000,
  verify_ms: 1_000,
  give_up_grace_ms: 1_000,
  attempts: 2,
}
