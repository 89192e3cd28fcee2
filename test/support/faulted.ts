import { expect } from "bun:test"
import { rmSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { waitUntil } from "../../src/lib/clock.ts"
import { sendSignal } from "../../src/lib/process.ts"
import type { Phase } from "../../src/store/kinds.ts"
import { query } from "./killing.ts"
import type { Home } from "./operator.ts"

const SOON = { timeout_ms: 60_000, every_ms: 2 }

export interface Recorded {
  id: string
  fault: string
  phase: Phase
  reason: string | null
}

/** What the store says of a lab's faults, in their order. */
export function recorded(home: Home, lab: string): Recorded[] {
  return query<Recorded>(home, `select id, fault, phase, reason from injections where lab = '${lab}' order by rowid`)
}

/** The last of them, as soon as it is in one of these phases. */
export async function reaches(home: Home, lab: string, ...phases: Phase[]): Promise<Recorded> {
  let last: Recorded | undefined
  const there = () => (last = recorded(home, lab).at(-1)) !== undefined && phases.includes(last.phase)
  if (!(await waitUntil(there, SOON))) expect({ phases, last }).toEqual({ phases, last: undefined })
  return last!
}

/** Starts a command, and kills it as soon as the last fault of the lab is in a phase, or past it: some take a moment only. */
export async function killAt(home: Home, lab: string, phase: Phase, ...words: string[]): Promise<Recorded> {
  const before = recorded(home, lab).at(-1)
  const child = home.start(...words)
  if (words.includes("inject")) {
    const begun = () => recorded(home, lab).at(-1)?.id !== before?.id
    const over = () => begun() || child.exitCode !== null
    await waitUntil(over, SOON)
    expect({ begun: begun(), said: child.exitCode === null ? "" : await child.stderr.text() }).toEqual({
      begun: true,
      said: "",
    })
  }
  const last = await reaches(home, lab, phase, ...(PAST[phase] ?? []))
  child.kill("SIGKILL")
  await child.exited
  return last
}

const PAST: Partial<Record<Phase, Phase[]>> = { injecting: ["active"], reverting: ["reverted", "void"] }

/** Kills a lab's guardian; of a lab that was brought up by hand it is the owner, too. */
export function killGuardian(home: Home, lab: string): void {
  const [row] = query<{ pid: number }>(home, `select guardian_pid as pid from labs where id = '${lab}'`)
  expect(sendSignal(row!.pid, "SIGKILL")).toBe(true)
}

/** Deletes the store, and leaves its labs. */
export function forget({ dir }: Home): void {
  for (const file of readdirSync(dir)) if (file.startsWith("operator.db")) rmSync(join(dir, file))
}
