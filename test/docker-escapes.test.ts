import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { created, escapes } from "./support/escapes.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { ENGINE, engineSays, type ScopedLab, scopedLab, written } from "./support/scoped-lab.ts"

/** Attempts to reach, through a lab's scoped socket, what is not the lab's. The engine itself is asked what came of each. */
let at: ScopedLab
let before: unknown
const need = WITHOUT_ENGINE ? "(skipped: no Docker engine here)" : ""

beforeAll(async () => {
  if (WITHOUT_ENGINE) return
  at = await scopedLab()
  before = await at.world()
}, 120_000)
afterAll(async () => {
  await at?.[Symbol.asyncDispose]()
}, 60_000)

describe.skipIf(WITHOUT_ENGINE)(`out of its scope ${need} a lab cannot reach by`, () => {
  test.each(escapes().map((escape) => [escape.name, escape] as const))("%s", async (_name, { kind, attempt }) => {
    const { refused, answers, text } = await attempt(at)
    if (kind === "refused" && !refused) expect(text).toBe("refused")
    expect(answers).toBeLessThanOrEqual(1)
    for (const foreign of [at.secret, at.victim.slice(12), at.helper_id.slice(12)]) expect(text).not.toContain(foreign)
    if (kind === "blind") expect(text).not.toContain(at.foreign)
    expect(await at.world()).toEqual(before)
  })

  test("more than sixty ways", () => {
    expect(escapes().length).toBeGreaterThan(60)
    expect(new Set(escapes().map(({ name }) => name)).size).toBe(escapes().length)
  })
})

describe.skipIf(WITHOUT_ENGINE)(`at the engine itself ${need}`, () => {
  test("a foreign container is read by a request behind an upgrade", async () => {
    const first = written("GET", "/containers/json", undefined, ["Connection: Upgrade", "Upgrade: tcp"])
    const second = written("GET", `/containers/${at.victim}/json`, undefined, ["Connection: close"])
    expect(await at.raw([first, second], ENGINE)).toContain(at.secret)
  })

  test("keys in lower case make a privileged container", async () => {
    const body = created({}, { hostconfig: { privileged: true }, Labels: { lab: at.lab } })
    const { Id } = lastJson(await at.raw(written("POST", "/containers/create", body, ["Connection: close"]), ENGINE))
    expect((await described(Id)).HostConfig.Privileged).toBe(true)
    await at.must("rm", Id)
  })

  test("a form overrides the query", async () => {
    const name = `${at.foreign}-renamed`
    const form = ["Content-Type: application/x-www-form-urlencoded", "Connection: close"]
    await at.raw(
      written("POST", `/containers/${at.victim}/rename?name=${at.foreign}-other`, `name=${name}`, form),
      ENGINE,
    )
    expect((await described(at.victim)).Name).toBe(`/${name}`)
    await at.must("rename", name, at.victim_name)
  })

  test("an encoded slash is a slash", async () => {
    const said = await at.raw(
      written("GET", `/containers/${at.victim_name}%2fjson`, undefined, ["Connection: close"]),
      ENGINE,
    )
    expect(said).toContain(at.secret)
  })

  test("each attempt that was made would have been noticed", async () => {
    await at.must("kill", "-s", "KILL", at.victim)
    expect(await at.world()).not.toEqual(before)
  })
})

// internal

const described = (id: string) =>
  engineSays<{ Name: string; HostConfig: { Privileged: boolean } }>(`/containers/${id}/json`)

const lastJson = (text: string) => JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4))
