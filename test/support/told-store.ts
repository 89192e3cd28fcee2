import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { append } from "../../src/store/events.ts"
import { addJudgement } from "../../src/store/judgements.ts"
import { openStore } from "../../src/store/open.ts"
import { claimLab, endSession } from "../../src/store/sessions.ts"
import { openTicket } from "../../src/store/tickets.ts"
import { enterStage, failWithoutLab } from "../../src/store/trials.ts"
import { fakeClock } from "./fake-clock.ts"
import { type Ended, OPERATOR } from "./operator.ts"
import { recordCampaign, recordLab, recordTrial } from "./stored-lab.ts"

export const TRIAL = "2026-01-28T12-00-00-aaaa0001"
export const DIED = "2026-01-28T12-10-00-aaaa0002"
export const SESSION = "2026-01-28T12-00-09-bbbb0001"

export interface ToldStore extends Disposable {
  file: string
  ticket: string
  /** Runs `operator audit` on the store. */
  audit(...words: string[]): Ended
}

/**
 * A store with TRIAL in the lab kv-1a2b, in which SESSION ran and a ticket was opened; five minutes later the lab kv-1f00, made
 * by hand; and five minutes after that DIED, an attempt that never came to a lab.
 */
export function toldStore(): ToldStore {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "told-store-")))
  const file = join(dir, "operator.db")
  const ticket = fill(file)
  const env = { PATH: Bun.env.PATH ?? "", HOME: dir }
  return {
    file,
    ticket,
    audit: (...words) => {
      const child = Bun.spawnSync([...OPERATOR, "audit", ...words, "--db", file], { env, cwd: dir })
      return { stdout: child.stdout.toString(), stderr: child.stderr.toString(), exit_code: child.exitCode }
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  }
}

// internal

function fill(file: string): string {
  const clock = fakeClock()
  const store = openStore(file, clock)
  recordCampaign(store, "c-1")
  recordTrial(store, "c-1", TRIAL)
  const lab = recordLab(store, "kv-1a2b", TRIAL)
  const ticket = openTicket(store, {
    ...{ lab, invariant: "health", node: "a", kind: "violated", role: "gate", severity: "critical", observation: null },
  })
  const claim = { lab, session: SESSION, variant: "restart-bot", model: "runbook", lease_ms: 1_000, max_attempts: 1 }
  const lease = claimLab(store, claim)!
  const command = { step: 1, call: "c-1", command: "restart a", reasoning: "it does not answer" }
  append(store, lab, "command", command, { session: SESSION })
  endSession(store, lease, { outcome: { kind: "claims_done" }, steps: 1, cost_usd: 0, report: null })
  enterStage(store, TRIAL, lab, "done")
  addJudgement(store, { trial: TRIAL, judge_version: 1, facts: {}, verdict: "repaired", reasons: ["it holds"] })
  clock.advance(300_000)
  recordLab(store, "kv-1f00")
  clock.advance(300_000)
  recordTrial(store, "c-1", DIED)
  failWithoutLab(store, DIED, "its process died before it had a lab")
  store.close()
  return ticket
}
