import { afterAll, afterEach, beforeAll, expect } from "bun:test"
import { injectByHand, type Told } from "../src/chaos/by-hand.ts"
import { presenceOf, revert, revertAll } from "../src/chaos/revert.ts"
import { type Injection, injectionsOf } from "../src/store/injections.ts"
import type { Store } from "../src/store/open.ts"
import { dockerTest, IMAGE, type StoredTinyLab, storedTinyLab } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"

const TIMEOUT_MS = 120_000

const TRIO = `name: tiny
services:
  a: &node { image: ${IMAGE}, init: true, command: [sleep, "600"] }
  b: *node
  c: *node
x-operator:
  groups: { trio: [a, b, c] }
  faults: { network_partition: { group: trio }, packet_loss: { group: trio }, process_hang: {}, node_kill: {} }
`

let tiny: StoredTinyLab
let store: Store

beforeAll(async () => {
  if (WITHOUT_ENGINE) return
  tiny = await storedTinyLab(TRIO)
  store = tiny.store
}, TIMEOUT_MS)
afterAll(async () => {
  await tiny?.[Symbol.asyncDispose]()
}, TIMEOUT_MS)
afterEach(async () => {
  if (WITHOUT_ENGINE) return
  await revertAll(store, tiny.lab)
  for (const name of ["a", "b", "c"]) await tiny.lab.start(`${tiny.lab.id}-${name}-1`)
}, TIMEOUT_MS)

function docker(...words: string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["docker", ...words])
  expect({ words, exitCode, stderr: stderr.toString() }).toMatchObject({ exitCode: 0 })
  return stdout.toString().trim()
}
const container = (service: string) => `${tiny.lab.id}-${service}-1`
const last = () => injectionsOf(store, tiny.lab.id).at(-1)!
const phases = () => injectionsOf(store, tiny.lab.id).map(({ phase }) => phase)

/** Does something to the lab as soon as the injection has come to a step. */
function break_(fault: string, target: string, at: Told["step"], disturb: () => void): Promise<Injection> {
  const options = { fault, target, params: {}, seed: 1, for_ms: undefined, signal: new AbortController().signal }
  return injectByHand(store, tiny.lab, options, ({ step }) => step === at && disturb())
}

dockerTest(
  "a target that disappears before it is paused was not broken, and nothing is left to undo",
  async () => {
    const injection = await break_("node_pause", "a", "planned", () => docker("rm", "-f", container("a")))
    expect(injection).toMatchObject({ confirmation: "ineffective", phase: "void" })
  },
  TIMEOUT_MS,
)

dockerTest(
  "a target that disappears before it is cut off is an error that says so, and its peers are let alone again",
  async () => {
    const injected = break_("network_partition", "a", "planned", () => docker("rm", "-f", container("a")))
    await expect(injected).rejects.toThrow(`nothing can be done beside ${container("a")}`)
    expect(last()).toMatchObject({ phase: "reverted", reason: expect.stringContaining(container("a")) })
    expect(await presenceOf(tiny.lab, last())).not.toBe("active")
  },
  TIMEOUT_MS,
)

dockerTest(
  "a target that restarts while it is cut off has the fault taken from what is left of it",
  async () => {
    const injection = await break_("network_partition", "a", "injected", () =>
      docker("restart", "-t", "0", container("a")),
    )
    expect(["confirmed", "inconclusive", "ineffective"]).toContain(injection.confirmation!)
    if (injection.phase === "active") await revert(store, tiny.lab, injection)
    expect(phases().filter((phase) => !["reverted", "void"].includes(phase))).toEqual([])
    expect(await presenceOf(tiny.lab, injection)).not.toBe("active")
  },
  TIMEOUT_MS,
)

dockerTest(
  "a killed node whose container somebody has removed is made again by the revert",
  async () => {
    const injection = await break_("node_kill", "b", "confirmed", () => docker("rm", "-f", container("b")))
    expect(injection.confirmation).toBe("confirmed")
    expect(await revert(store, tiny.lab, injection)).toBe("reverted")
    expect((await tiny.node("b")).state).toBe("running")
  },
  TIMEOUT_MS,
)

dockerTest(
  "a paused node can be killed and cut off, and both are undone",
  async () => {
    docker("pause", container("c"))
    const cut = await break_("network_partition", "c", "planned", () => undefined)
    expect(cut.confirmation).toBe("confirmed")
    expect(await revert(store, tiny.lab, cut)).toBe("reverted")
    const killed = await break_("node_kill", "c", "planned", () => undefined)
    expect(killed.confirmation).toBe("confirmed")
    expect(await revert(store, tiny.lab, killed)).toBe("reverted")
    expect((await tiny.node("c")).state).toBe("running")
  },
  TIMEOUT_MS,
)

dockerTest(
  "a helper that somebody removes is started anew, for the look as for the undo",
  async () => {
    const filter = ["--filter", `label=lab=${tiny.lab.id}`, "--filter", "label=kitchen=helper"]
    const removeHelpers = () => {
      const helpers = docker("ps", "-aq", ...filter)
        .split("\n")
        .filter(Boolean)
      expect(helpers.length).toBeGreaterThan(0)
      docker("rm", "-f", ...helpers)
    }
    const injection = await break_("network_partition", "a", "injected", removeHelpers)
    expect(injection.confirmation).toBe("confirmed")
    removeHelpers()
    expect(await revert(store, tiny.lab, injection)).toBe("reverted")
  },
  TIMEOUT_MS,
)
