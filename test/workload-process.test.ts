import { expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { systemClock, waitUntil } from "../src/lib/clock.ts"
import { identify, type ProcessId, sendSignal, stateOf } from "../src/lib/process.ts"
import { startWorkload } from "../src/lab/workload/process.ts"
import { ledgerOf } from "../src/store/ledger.ts"
import { samplesOf, secondsOf } from "../src/store/samples.ts"
import { type KvLab, kvLab } from "./support/kv-lab.ts"

setDefaultTimeout(30_000)

const FIXTURES = join(import.meta.dir, "fixtures", "kv")

const workloadCommand = ({ store, lab }: KvLab, ...flags: string[]) => [
  process.execPath,
  join(FIXTURES, "workload.ts"),
  store.file,
  lab.id,
  ...flags,
]

async function seen(condition: () => boolean): Promise<void> {
  expect(await waitUntil(condition, { timeout_ms: 15_000, every_ms: 10 })).toBe(true)
}

const isGone = (id: ProcessId) => stateOf(id) === "gone"

/** Starts a process that starts the workload, and gives both. */
async function ownedWorkload({ store, lab }: KvLab, ...flags: string[]) {
  const command = [process.execPath, join(FIXTURES, "owner.ts"), store.file, lab.id, ...flags]
  const owner = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" })
  const reader = owner.stdout.getReader()
  const pid = Number(new TextDecoder().decode((await reader.read()).value))
  reader.releaseLock()
  return { owner, workload: identify(pid)! }
}

test.concurrent("a workload that is stopped ends in order, with its last second kept", async () => {
  await using kv = await kvLab({ rate: 100 })
  const workload = startWorkload(kv.lab, { command: workloadCommand(kv, "--owned") })
  await seen(() => secondsOf(kv.store, kv.lab.id).length >= 2)
  expect(await workload.stop()).toEqual({ exit_code: 0, message: "" })
  const written = readFileSync(join(kv.lab.dir, "store", "kv"), "utf8")
    .trim()
    .split("\n")
  const ledger = Array.from(ledgerOf(kv.store, kv.lab.id), ({ key, value }) => `${key}\t${value}`)
  expect(ledger.toSorted()).toEqual(written.toSorted())
})

test.concurrent(
  "after kill -9 the ledger has every write of the seconds that were kept, and lacks at most the last second's",
  async () => {
    await using kv = await kvLab({ rate: 200 })
    const workload = startWorkload(kv.lab, { command: workloadCommand(kv, "--owned") })
    await seen(() => secondsOf(kv.store, kv.lab.id).length >= 3)
    sendSignal(workload.pid, "SIGKILL")
    expect((await workload.exited).exit_code).not.toBe(0)

    const lines = readFileSync(join(kv.lab.dir, "store", "kv"), "utf8")
      .trim()
      .split("\n")
    const written = new Map(lines.map((line) => line.split("\t") as [string, string]))
    const ledger = Array.from(ledgerOf(kv.store, kv.lab.id))
    for (const { key, value } of ledger) expect(written.get(key)).toBe(value)
    const counted = samplesOf(kv.store, kv.lab.id).filter(({ operation }) => operation === "write")
    expect(ledger.length).toBeGreaterThanOrEqual(counted.reduce((sum, { ok }) => sum + ok, 0))
    expect(ledger.length).toBeGreaterThan(100)
    expect(written.size - ledger.length).toBeLessThan(200)
  },
)

test.concurrent("a workload ends when its owner is killed, though the owner's other children live on", async () => {
  await using kv = await kvLab()
  const { owner, workload } = await ownedWorkload(kv)
  await seen(() => secondsOf(kv.store, kv.lab.id).length >= 1)
  owner.kill("SIGKILL")
  await seen(() => isGone(workload))
})

test.concurrent("a workload without a lifeline outlives its owner, and ends with its lab", async () => {
  await using kv = await kvLab()
  const { owner, workload } = await ownedWorkload(kv, "--outlive")
  expect(await owner.exited).toBe(0)
  const kept = secondsOf(kv.store, kv.lab.id).length
  await seen(() => secondsOf(kv.store, kv.lab.id).length >= kept + 2)
  await kv.lab.destroy()
  await seen(() => isGone(workload))
})

test.concurrent("a workload that fails is told by its exit code and what it said", async () => {
  await using kv = await kvLab()
  const workload = startWorkload(kv.lab, {
    command: ["sh", "-c", "yes x | head -c 300000 >&2; echo no lab >&2; exit 4"],
  })
  const { exit_code, message } = await workload.exited
  expect(exit_code).toBe(4)
  expect(message).toEndWith("no lab\n")
  expect(message.length).toBeLessThanOrEqual(4_096)
})

test.concurrent("a workload that is deaf to SIGTERM is killed after its grace", async () => {
  await using kv = await kvLab({ timeout_ms: 100 })
  const ready = join(kv.lab.dir, "ready")
  const script = `trap '' TERM; echo >'${ready}'; while :; do sleep 0.05; done`
  const workload = startWorkload(kv.lab, { command: ["sh", "-c", script] })
  await seen(() => existsSync(ready))
  const stopping_ms = systemClock.mono_ms()
  expect((await workload.stop()).exit_code).toBeNull()
  expect(systemClock.mono_ms() - stopping_ms).toBeWithin(2_000, 4_000)
})

test("nothing of the owner's environment reaches the workload but what the lab gives", async () => {
  await using kv = await kvLab()
  process.env.WORKLOAD_TEST_API_KEY = "sk-not-for-you"
  try {
    const { message } = await startWorkload(kv.lab, { command: ["sh", "-c", "env >&2"] }).exited
    expect(message).toContain("PATH=")
    expect(message).not.toContain("sk-not-for-you")
  } finally {
    delete process.env.WORKLOAD_TEST_API_KEY
  }
})
