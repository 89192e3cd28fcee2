import { afterAll, beforeAll, describe, expect } from "bun:test"
import { inject } from "../src/chaos/inject.ts"
import { presenceOf, revert } from "../src/chaos/revert.ts"
import { waitUntil } from "../src/lib/clock.ts"
import { events } from "../src/store/events.ts"
import type { Injection } from "../src/store/injections.ts"
import type { Store } from "../src/store/open.ts"
import { dockerTest, IMAGE, type StoredTinyLab, storedTinyLab } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"

/** `a` has a limit of everything and a configuration that it cannot do without; `b` has no limits. */
const PAIR = `name: tiny
services:
  a:
    image: ${IMAGE}
    init: true
    command: [sh, -c, "[ -e /data/app.conf ] || echo good >/data/app.conf; grep -q good /data/app.conf && exec sleep 600"]
    volumes: ["bounded:/data"]
    mem_limit: 96m
    cpus: 1.5
  b: { image: ${IMAGE}, init: true, command: [sh, -c, "while :; do :; done"], volumes: ["plain:/data"] }
volumes:
  bounded: { driver_opts: { type: tmpfs, device: tmpfs, o: size=8m } }
  plain: {}
x-operator: {}
`
const TIMEOUT_MS = 90_000
const SOON = { timeout_ms: 20_000, every_ms: 50 }

let tiny: StoredTinyLab
let store: Store

beforeAll(async () => {
  if (WITHOUT_ENGINE) return
  tiny = await storedTinyLab(PAIR)
  store = tiny.store
}, TIMEOUT_MS)

afterAll(async () => {
  await tiny?.[Symbol.asyncDispose]()
}, TIMEOUT_MS)

describe("a full disk", () => {
  const fill = (params: Record<string, unknown> = {}) => break_("disk_pressure", "a", { path: "/data", ...params })
  const filler = () => inside("a", "find /data -type f ! -name app.conf")

  test_("leaves a node little to write to, until the file is removed by whoever finds it", async () => {
    const injection = await fill()
    expect(injection.confirmation).toBe("confirmed")
    expect(evidenceOf(injection)).toMatch(/^of 8192 KiB in .* 4 KiB are left to .*, 8\d\d\d KiB are taken$/)
    expect(inside("a", "head -c 100000 /dev/zero >/data/more && echo written; rm -f /data/more")).toBe("")
    expect(filler()).toMatch(/^\/data\/[0-9a-f]{8}$/)
    inside("a", `rm ${filler()}`)
    expect(await presenceOf(tiny.lab, injection)).toBe("gone")
    expect(await undo(injection)).toBe("reverted")
    expect(inside("a", "head -c 100000 /dev/zero >/data/more && echo written; rm -f /data/more")).toBe("written")
  })

  test_("stays full over a restart, a kill and a new container, and is emptied whatever the node does", async () => {
    const injection = await fill({ free_mb: 1 })
    expect(injection.confirmation).toBe("confirmed")
    docker("restart", "-t", "0", name("a"))
    expect(await presenceOf(tiny.lab, injection)).toBe("active")
    expect(inside("a", "cat /data/app.conf")).toBe("good")
    docker("pause", name("a"))
    expect(await undo(injection)).toBe("reverted")
    expect(await undo(injection)).toBe("reverted")
    docker("unpause", name("a"))

    const again = await fill()
    docker("rm", "-f", name("a"))
    expect(await presenceOf(tiny.lab, again)).toBe("active")
    expect(await undo(again)).toBe("reverted")
    await tiny.lab.start("a")
    expect(inside("a", "cat /data/*")).toBe("good")
  })

  test_("is refused where nothing bounds it, with what to do", async () => {
    const on = (target: string, path: string) => break_("disk_pressure", target, { path })
    const shared = "is on a disk that it shares with this machine: nothing bounds it"
    await expect(on("b", "/data")).rejects.toThrow(shared)
    await expect(on("a", "/tmp")).rejects.toThrow(shared)
    await expect(break_("disk_pressure", "a")).rejects.toThrow("disk_pressure needs a path")
  })
})

describe("a processor hog", () => {
  const hog = () => break_("cpu_hog", "a", { workers: 2, max_s: 60 })
  const counting = () => inside("a", "grep -lsa '[n]ow rest' /proc/[0-9]*/cmdline")

  test_("is found and ended among the node's own processes", async () => {
    const injection = await hog()
    expect(injection.confirmation).toBe("confirmed")
    expect(evidenceOf(injection)).toMatch(/^3 processes run; in \d+ ms .* has used \d+ ms of processors$/)
    inside(
      "a",
      `for file in $(grep -lsa '[n]ow rest' /proc/[0-9]*/cmdline); do kill -9 $(echo $file | cut -d/ -f3); done`,
    )
    expect(await waitUntil(async () => (await presenceOf(tiny.lab, injection)) === "gone", SOON)).toBe(true)
    expect(await undo(injection)).toBe("reverted")
  })

  test_("is ended in a node that is frozen, and void in one that was restarted", async () => {
    const frozen = await hog()
    docker("pause", name("a"))
    expect(await presenceOf(tiny.lab, frozen)).toBe("active")
    expect(await undo(frozen)).toBe("reverted")
    docker("unpause", name("a"))
    expect(await presenceOf(tiny.lab, frozen)).toBe("gone")
    expect(await undo(frozen)).toBe("reverted")

    const restarted = await hog()
    docker("restart", "-t", "0", name("a"))
    expect(await undo(restarted)).toBe("void")
    expect(await undo(restarted)).toBe("void")
  })

  test_("ends by itself, though nobody is there who knows of it", async () => {
    const injection = await break_("cpu_hog", "a", { workers: 1, max_s: 1 })
    expect(await waitUntil(async () => (await presenceOf(tiny.lab, injection)) === "gone", SOON)).toBe(true)
    expect(counting()).toBe("")
  })

  test_("is not begun in a node that is frozen, nor on processes", async () => {
    docker("pause", name("a"))
    await expect(hog()).rejects.toThrow("is paused, so nothing can be run in it")
    docker("unpause", name("a"))
  })
})

describe("a memory hog", () => {
  test_("holds a share of what its node may have, until it is ended", async () => {
    const injection = await break_("memory_hog", "a", { percent: 80 })
    expect(injection.confirmation).toBe("confirmed")
    expect(evidenceOf(injection)).toMatch(/ has \d+ MiB of 96 MiB in use, \d+ MiB by it$/)
    inside("a", "kill $(grep -lsa '^dd' /proc/[0-9]*/cmdline | cut -d/ -f3)")
    expect(await waitUntil(async () => (await presenceOf(tiny.lab, injection)) === "gone", SOON)).toBe(true)
    expect(await undo(injection)).toBe("reverted")
    expect(inside("a", "grep -lsa '[o]om_score_adj' /proc/[0-9]*/cmdline")).toBe("")
  })

  test_("is what the kernel ends when it wants more than there is, and not the node", async () => {
    const before = await tiny.node("a")
    const injection = await break_("memory_hog", "a", { mb: 200 })
    expect(injection.confirmation).toBe("ineffective")
    expect(await undo(injection)).toBe("reverted")
    expect((await tiny.node("a")).process).toEqual(before.process!)
  })

  test_("needs a limit, or a size", async () => {
    await expect(break_("memory_hog", "b")).rejects.toThrow("has no memory limit")
    const injection = await break_("memory_hog", "b", { mb: 20 })
    expect(injection.confirmation).toBe("confirmed")
    expect(await undo(injection)).toBe("reverted")
  })
})

describe("a throttled node", () => {
  test_("waits for its turn, over restarts, until it has again what it had", async () => {
    const quota = () => docker("inspect", "-f", "{{.HostConfig.CpuQuota}}", name("b"))
    const injection = await break_("cpu_throttle", "b", { percent: 5 })
    expect(injection.confirmation).toBe("confirmed")
    expect(evidenceOf(injection)).toMatch(/ had to wait in [1-9]\d* periods$/)
    docker("restart", "-t", "0", name("b"))
    expect(await presenceOf(tiny.lab, injection)).toBe("active")
    docker("pause", name("b"))
    expect(await undo(injection)).toBe("reverted")
    expect(await undo(injection)).toBe("reverted")
    docker("unpause", name("b"))
    expect(quota()).toBe("-1")
  })

  test_("has the limit of its own file again, also when it is down, and keeps what somebody else gave it", async () => {
    const nano = () => Number(docker("inspect", "-f", "{{.HostConfig.NanoCpus}}", name("a")))
    const injection = await break_("cpu_throttle", "a")
    expect(nano()).toBe(0.02e9)
    docker("kill", name("a"))
    expect(await undo(injection)).toBe("reverted")
    expect(nano()).toBe(1.5e9)
    await tiny.lab.start("a")

    const again = await break_("cpu_throttle", "a")
    docker("update", "--cpus", "1", name("a"))
    expect(await presenceOf(tiny.lab, again)).toBe("gone")
    expect(await undo(again)).toBe("reverted")
    expect(nano()).toBe(1e9)
    await expect(break_("cpu_throttle", "a", { percent: 100 })).rejects.toThrow("has no more than that already")
  })
})

describe("a spoilt file", () => {
  const spoil = (params: Record<string, unknown> = {}) =>
    break_("config_corrupt", "a", { path: "/data/app.conf", ...params })
  const state = async () => (await tiny.node("a")).state

  test_("is felt after a restart, and is written back while the node is down, which then runs", async () => {
    const before = inside("a", "stat -c '%a %U' /data/app.conf")
    const injection = await spoil()
    expect(injection.confirmation).toBe("confirmed")
    expect(await waitUntil(async () => (await state()) === "exited", SOON)).toBe(true)
    expect(await presenceOf(tiny.lab, injection)).toBe("active")
    expect(await undo(injection)).toBe("reverted")
    expect(await state()).toBe("running")
    expect(inside("a", "cat /data/app.conf; stat -c '%a %U' /data/app.conf")).toBe(`good\n${before}`)
    await Bun.sleep(1_000) // A file is as old as a whole second.
    docker("restart", "-t", "0", name("a"))
    const { process } = await tiny.node("a")
    expect(await undo(injection)).toBe("reverted")
    expect((await tiny.node("a")).process).toEqual(process!)
  })

  test_("is mended by whoever writes another, and by nobody in a new container, since its volume stays", async () => {
    const injection = await spoil({ mode: "replace", content: "bad\n", restart: false })
    expect(injection.confirmation).toBe("inconclusive")
    expect(inside("a", "cat /data/app.conf")).toBe("bad")
    docker("rm", "-f", name("a"))
    expect(await presenceOf(tiny.lab, injection)).toBe("void")
    await expect(tiny.lab.start("a")).rejects.toThrow("did not come up")
    expect(await presenceOf(tiny.lab, injection)).toBe("active")
    expect(await undo(injection)).toBe("reverted")
    await tiny.lab.start("a")

    const other = await spoil({ mode: "truncate", restart: false })
    inside("a", "echo good as well >/data/app.conf")
    expect(await presenceOf(tiny.lab, other)).toBe("gone")
    expect(await undo(other)).toBe("reverted")
    expect(inside("a", "cat /data/app.conf")).toBe("good")
  })

  test_("is refused where there is none, or what is there is no file", async () => {
    await expect(spoil({ path: "/etc/nothing" })).rejects.toThrow("has no file /etc/nothing")
    await expect(spoil({ path: "/etc" })).rejects.toThrow("/etc is no regular file")
    await expect(spoil({ path: "/bin/perl" })).rejects.toThrow("at most 65536 are kept")
    await expect(spoil({ content: "x" })).rejects.toThrow("takes `content` with the mode replace")
  })
})

// internal

function test_(name: string, work: () => Promise<void>): void {
  dockerTest(name, work, TIMEOUT_MS)
}

const name = (service: string) => `${tiny.lab.id}-${service}-1`

function docker(...words: string[]): string {
  return Bun.spawnSync(["docker", ...words])
    .stdout.toString()
    .trim()
}

const inside = (service: string, script: string) => docker("exec", name(service), "sh", "-c", script)

const break_ = (fault: string, target: string, params: Record<string, unknown> = {}) =>
  inject(store, tiny.lab, { fault, target, params, seed: 1 })
const undo = (injection: Injection) => revert(store, tiny.lab, injection)
const evidenceOf = ({ id }: Injection) =>
  events(store, tiny.lab.id, { kinds: ["injection.confirmed"] }).find(({ body }) => body.injection === id)!.body
    .evidence
