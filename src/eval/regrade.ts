import { messageOf } from "../lib/errors.ts"
import type { Store } from "../store/open.ts"
import { ENDED, listTrials, type Trial } from "../store/trials.ts"
import { addJudged, type Judged, opinionOf } from "./judge.ts"
import { type Result, resultOf } from "./results.ts"
import { JUDGE_VERSION, type Verdict } from "./verdict.ts"

/** What judging again came to. */
export interface Regrading {
  judge_version: number
  /** Attempts that had ended. Those that had not are left alone. */
  looked_at: number
  running: number
  /** Judgements that were added; where the newest one says the same by the same judge, none is. */
  added: number
  changed: Change[]
  /** Attempts that could not be judged; their judgements stay as they are. */
  failed: { trial: string; reason: string }[]
}

/** An attempt of which the verdict or a fact is another now. */
export interface Change extends Pick<
  Trial,
  "campaign" | "subject" | "fault" | "target" | "params" | "variant" | "repetition" | "attempt" | "lab"
> {
  trial: string
  before: { judge_version: number | null; verdict: Verdict | null }
  after: Verdict
  /** The names of the facts that differ. */
  facts: string[]
}

/** Judges the attempts of a campaign, or of all, by the current judge, and adds what it says to what others have said. */
export async function regrade(store: Store, campaign: string | null): Promise<Regrading> {
  const trials = listTrials(store, { campaign })
  const ended = trials.filter(({ stage }) => ENDED.includes(stage))
  const done: Regrading = {
    ...{ judge_version: JUDGE_VERSION, looked_at: ended.length, running: trials.length - ended.length },
    ...{ added: 0, changed: [], failed: [] },
  }
  for (const trial of ended) {
    try {
      const before = resultOf(store, trial)
      const now = await opinionOf(store, trial)
      if (!differs(before, now)) continue
      addJudged(store, now)
      done.added++
      const facts = factsThatDiffer(before.facts, now.facts)
      if (before.verdict !== now.verdict || facts.length > 0) done.changed.push(changeOf(trial, before, now, facts))
    } catch (error) {
      done.failed.push({ trial: trial.id, reason: messageOf(error) })
    }
  }
  return done
}

// internal

function differs(before: Result, now: Judged): boolean {
  const { judge_version, verdict, reasons, facts } = before
  const same = judge_version === now.judge_version && verdict === now.verdict
  return !same || !Bun.deepEquals(reasons, now.reasons) || factsThatDiffer(facts, now.facts).length > 0
}

/** As they are stored: what JSON leaves out is no difference. */
function factsThatDiffer(before: Result["facts"], now: Judged["facts"]): string[] {
  const [old, fresh] = [before, now].map((facts) => JSON.parse(JSON.stringify(facts ?? {})) as Record<string, unknown>)
  const names = new Set([...Object.keys(old!), ...Object.keys(fresh!)])
  return [...names].filter((name) => !Bun.deepEquals(old![name], fresh![name]))
}

function changeOf(trial: Trial, { judge_version, verdict }: Result, now: Judged, facts: string[]): Change {
  const { id, campaign, subject, fault, target, params, variant, repetition, attempt, lab } = trial
  const place = { trial: id, campaign, subject, fault, target, params, variant, repetition, attempt, lab }
  return { ...place, before: { judge_version, verdict }, after: now.verdict, facts }
}
