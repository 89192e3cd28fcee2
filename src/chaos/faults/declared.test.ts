import { expect, test } from "bun:test"
import type { Lab } from "../../lab/lab.ts"
import { UsageError } from "../../lib/errors.ts"
import { declaredFault } from "./declared.ts"

const on = (platform: Lab["platform"]) => ({ platform, subject: { file: "own.yaml" } }) as unknown as Lab
const everywhere = { about: "a fault", undo: "undo {node}", active: "true" }

test("a declared fault has the commands of the lab's platform, for each node that they name", async () => {
  const fault = declaredFault("own", {
    ...everywhere,
    inject: { docker: "break {node} here", process: "break it there" },
  })
  expect(fault.platforms).toEqual(["process", "docker"])
  const nodes = ["a", "b"].map((name) => ({ name, service: name, state: "running" as const }))
  const { commands } = await fault.plan(on("docker"), nodes, {}, { id: "i-1", seed: 1 })
  expect(commands.map(({ inject, undo }) => [inject, undo])).toEqual([
    ["break a here", "undo a"],
    ["break b here", "undo b"],
  ])
})

test("a declared fault that says nothing of a platform is refused there", () => {
  const fault = declaredFault("own", { ...everywhere, inject: { docker: "break it" }, undo: "undo" })
  expect(fault.platforms).toEqual(["docker"])
  expect(() => fault.plan(on("process"), [], {}, { id: "i-1", seed: 1 })).toThrow(UsageError)
})
