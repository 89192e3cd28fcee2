import { afterAll, beforeAll, describe, expect } from "bun:test"
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import { openSandbox, type Sandbox } from "../src/agent/sandbox/open.ts"
import { openStore } from "../src/store/open.ts"
import { dockerTest, TINY, type TinyLab, tinyLab } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { recordLab } from "./support/stored-lab.ts"

const timeout_ms = 60_000

interface Site {
  tiny: TinyLab
  /** What a command prints in the lab's kitchen. */
  run(command: string): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

/** A lab with its kitchen. */
async function site(block: string): Promise<Site> {
  const tiny = await tinyLab(TINY.replace("x-operator:\n", `x-operator:\n  ${block}\n`))
  const store = openStore(join(tiny.lab.dir, "..", "operator.db"))
  recordLab(store, tiny.lab.id)
  const sandbox: Sandbox = await openSandbox(store, tiny.lab)
  return {
    tiny,
    run: async (command) => (await sandbox.shell.run(command, { timeout_ms })).shown,
    [Symbol.asyncDispose]: async () => {
      await sandbox[Symbol.asyncDispose]()
      store.close()
      await tiny[Symbol.asyncDispose]()
    },
  }
}

describe("a lab with `egress: false`", () => {
  let [open, closed]: (Site | undefined)[] = []
  const host = Bun.listen({
    hostname: "0.0.0.0",
    port: 0,
    socket: { open: (peer) => void peer.end("hello"), data() {} },
  })
  beforeAll(async () => {
    if (WITHOUT_ENGINE) return
    ;[open, closed] = await Promise.all([site("egress: true"), site("egress: false")])
  }, 300_000)
  afterAll(async () => {
    host.stop(true)
    await Promise.all([open?.[Symbol.asyncDispose](), closed?.[Symbol.asyncDispose]()])
  }, 60_000)

  const greeting = (address: string) => `timeout 5 bash -c 'cat < /dev/tcp/${address}/${host.port}' 2>&1`

  dockerTest("has a kitchen that reaches no address of this host, as that of another does", async () => {
    const addresses = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address)
    expect(addresses.length).toBeGreaterThan(0)
    for (const address of addresses) {
      expect(await closed!.run(greeting(address))).not.toContain("hello")
    }
    expect(await open!.run(greeting(addresses[0]!))).toBe("hello")
  })

  dockerTest(
    "has networks without a way out, and its services reach each other, and are reached, as ever",
    async () => {
      for (const [at, internal] of [
        [open, false],
        [closed, true],
      ] as const) {
        const { lab, engine } = at!.tiny
        const network = await engine.request<{ Internal: boolean }>("GET", `/networks/${lab.id}_default`)
        expect(network!.Internal).toBe(internal)
        // Refused is reached.
        expect(await at!.run(`timeout 5 bash -c ': < /dev/tcp/b/9' 2>&1`)).toContain("refused")
        expect(await at!.run(`docker exec ${lab.id}-a-1 timeout 5 bash -c ': < /dev/tcp/b/9' 2>&1`)).toContain(
          "refused",
        )
        await expect(fetch(lab.resolve("http://b:9/")!)).rejects.toThrow("ECONNREFUSED")
      }
    },
  )

  dockerTest("lets an agent make networks without a way out, and no others", async () => {
    const { id } = closed!.tiny.lab
    expect(await closed!.run(`docker network create ${id}_more`)).toContain("say --internal")
    expect(await closed!.run(`docker network create --internal ${id}_more`)).toMatch(/^[0-9a-f]{64}\n$/)
    for (const network of ["host", "bridge", "default"]) {
      const said = await closed!.run(`docker run --rm --network ${network} debian:trixie-slim true 2>&1; echo $?`)
      expect(said).toContain("say --network with one of the lab's networks")
    }
    expect(await closed!.run(`docker network connect bridge ${id}-a-1 2>&1`)).toContain("network bridge not found")
    expect(await closed!.run("docker compose -f compose.yaml config 2>&1")).toContain("internal: true")
    expect(await closed!.run(`docker compose -f compose.yaml up -d 2>&1; echo $?`)).toEndWith("0\n")
  })
})
