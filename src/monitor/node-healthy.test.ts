import { describe, expect, test } from "bun:test"
import { parseSubject } from "../lab/parse-subject.ts"
import type { Node } from "../lab/lab.ts"
import { nodeHealthyTargets } from "./node-healthy.ts"
import { rollCall } from "./roll-call.ts"

const node = (more: Partial<Node> = {}): Node => ({ name: "a", service: "a", state: "running", ...more })
const health = (status: NonNullable<Node["health"]>["status"], said = "") => node({ health: { status, said } })

async function targets(block: string, nodes: Node[] = [health("healthy"), node({ name: "b" })]) {
  const subject = await parseSubject(`services: { a: {}, b: {} }\n${block}`, "mine.yaml")
  return nodeHealthyTargets(subject, nodes, rollCall({ id: "mine-1", nodes: async () => nodes }), 1_000)
}

describe("a container's health", () => {
  test("is a gate of each node that has a check, where the subject declares no gate", async () => {
    const gates = async (block: string) => (await targets(block)).map(({ node, role }) => `${node} ${role}`)
    expect(await gates("")).toEqual(["a gate"])
    expect(await gates("x-operator: { invariants: [{ name: x, role: notice, probe: { tcp: 'a:1' } }] }")).toEqual([
      "a gate",
    ])
    expect(await gates("x-operator: { invariants: [{ name: x, probe: { tcp: 'a:1' } }] }")).toEqual([])
  })

  test("is violated when the check fails, unknown before it has passed, and nothing new while the node is down", async () => {
    const [target] = await targets("")
    const says = (seen: Node) => target!.hear!(seen)
    expect(says(health("healthy"))).toMatchObject({ status: "ok", reason: null })
    expect(says(health("unhealthy", "no leader"))).toMatchObject({
      status: "violated",
      reason: "its health check fails: no leader",
    })
    expect(says(health("starting"))).toMatchObject({ status: "unknown", reason: "its health check has not passed yet" })
    expect(says(node())).toMatchObject({ status: "unknown", reason: "it has no health check any more" })
    expect(says({ ...health("unhealthy"), state: "exited" })).toBeUndefined()
    expect(says({ ...health("unhealthy"), state: "paused" })).toBeUndefined()
    expect(says({ ...health("unhealthy"), state: "exited", finished: true })).toMatchObject({ status: "ok" })
  })
})
