import { expect, test } from "bun:test"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import { sleepyLab } from "../../../test/support/sleepy-lab.ts"
import { UsageError } from "../../lib/errors.ts"
import { injectionsOf } from "../../store/injections.ts"
import { inject } from "../inject.ts"
import { presenceOf, revert } from "../revert.ts"

const FAULTS = {
  mark: {
    declared: {
      about: "",
      inject: 'test ! -e "{lab}/in the way" && touch "{lab}/mark"',
      undo: 'rm -f "{lab}/mark"',
      active: 'test -e "{lab}/mark"',
    },
  },
}
const both = [
  { fault: "node_pause", target: "b" },
  { fault: "mark", after_ms: 50 },
]

const broken = async (faults: unknown) => {
  const sleepy = await sleepyLab(FAULTS)
  const done = () => inject(sleepy.store, sleepy.lab, { fault: "combined", target: "one", params: { faults }, seed: 1 })
  const record = () => injectionsOf(sleepy.store, sleepy.lab.id)[0]!
  return { ...sleepy, sleepy, done, record, marked: () => existsSync(join(sleepy.lab.dir, "mark")) }
}

test("several faults are there together, for as long as one is left, and are undone together", async () => {
  const { sleepy, done, record, marked } = await broken(both)
  await using _ = sleepy
  expect(await done()).toMatchObject({ confirmation: "confirmed" })
  expect([sleepy.states(), marked()]).toEqual([{ a: "running", b: "paused", c: "running" }, true])
  rmSync(join(sleepy.lab.dir, "mark"))
  expect(await presenceOf(sleepy.lab, record())).toBe("active")
  expect(await revert(sleepy.store, sleepy.lab, record())).toBe("reverted")
  expect(await revert(sleepy.store, sleepy.lab, record())).toBe("reverted")
  expect(sleepy.states()).toEqual({ a: "running", b: "running", c: "running" })
})

test("what came before the one that failed is undone as well", async () => {
  const { sleepy, done, record } = await broken(both)
  await using _ = sleepy
  await Bun.write(join(sleepy.lab.dir, "in the way"), "")
  await expect(done()).rejects.toThrow("exit 1")
  expect(sleepy.states()["b"]).toBe("paused")
  expect(await revert(sleepy.store, sleepy.lab, record())).toBe("reverted")
  expect(sleepy.states()["b"]).toBe("running")
})

test.each<[string, unknown, string]>([
  ["none", [{ fault: "none" }, { fault: "mark" }], "none is none"],
  ["itself", [{ fault: "combined" }, { fault: "mark" }], "combined is none"],
  ["one alone", [{ fault: "mark" }], "expected array to have >=2 items"],
  ["what nobody knows", [{ fault: "marks" }, { fault: "mark" }], 'did you mean "mark"?'],
  ["what this platform cannot do", [{ fault: "cpu_hog" }, { fault: "mark" }], "cpu_hog does not work on process labs:"],
  ["the same twice", [{ fault: "mark" }, { fault: "mark" }], "combined has mark at one twice"],
  ["parameters that a part does not take", [{ fault: "mark", params: { x: 1 } }, { fault: "mark" }], "no parameter x"],
])("it is not made of %s", async (_, faults, message) => {
  const { sleepy, done } = await broken(faults)
  await using __ = sleepy
  await expect(done()).rejects.toThrow(message)
  await expect(done()).rejects.toThrow(UsageError)
  expect(injectionsOf(sleepy.store, sleepy.lab.id)).toEqual([])
})
