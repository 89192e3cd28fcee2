import { expect, test } from "bun:test"
import { UsageError } from "../lib/errors.ts"
import { parseSubject } from "./parse-subject.ts"
import { textFor, textsOf } from "./per-platform.ts"

test("a text is the same everywhere, or one for each platform that has one", () => {
  expect([textFor("same", "docker"), textFor("same", "process")]).toEqual(["same", "same"])
  expect([textFor({ docker: "one" }, "docker"), textFor({ docker: "one" }, "process")]).toEqual(["one", undefined])
  expect(textFor(undefined, "docker")).toBeUndefined()
  expect(textsOf({ docker: "one", process: "other" }).sort()).toEqual(["one", "other"])
})

const subject = (block: string) => parseSubject(`services: { a: {} }\nx-operator:\n${block}`, "own.yaml", "own")

test("a subject may have a brief, a probe's command, a repair and a Prometheus for each platform", async () => {
  const { brief, prometheus, invariants } = await subject(`
  brief: { docker: in containers, process: in folders }
  prometheus: { docker: "http://prometheus:9090" }
  invariants: [{ name: looks, probe: { exec: { process: "true" } } }]`)
  expect(brief).toEqual({ docker: "in containers", process: "in folders" })
  expect(textFor(prometheus, "process")).toBeUndefined()
  expect(invariants[0]!.probe).toEqual({ exec: { process: "true" } })
})

test("a platform that nobody knows, or an address that is none, is refused", async () => {
  await expect(subject("  brief: { podman: x }")).rejects.toThrow(UsageError)
  await expect(subject("  prometheus: { docker: prometheus }")).rejects.toThrow(
    "an address such as http://prometheus:9090",
  )
})
