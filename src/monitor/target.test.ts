import { expect, test } from "bun:test"
import { watchedLab } from "../../test/support/watched-lab.ts"
import { declaredTargets } from "./target.ts"

test("what the lab's platform has no command or no Prometheus for is not watched there", async () => {
  await using watched = await watchedLab({
    prometheus: { docker: "http://prometheus:9090" },
    invariants: [
      { name: "everywhere", probe: { exec: "true" } },
      { name: "here", probe: { exec: { process: "true" } } },
      { name: "elsewhere", probe: { exec: { docker: "true" } } },
      { name: "alerted", alert: "up == 0" },
    ],
  })
  const targets = declaredTargets(watched.lab, watched.lab.look(), 1_000)
  expect(targets.map(({ invariant }) => invariant)).toEqual(["everywhere", "here"])
  expect(await targets[1]!.look(new AbortController().signal)).not.toMatchObject({
    reason: expect.stringContaining("no command"),
  })
})
