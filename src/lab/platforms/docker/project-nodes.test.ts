import { expect, test } from "bun:test"
import { parseSubject } from "../../parse-subject.ts"
import type { Container } from "./containers.ts"
import { projectExpectation } from "./project-nodes.ts"

const SUBJECT = `services:
  web: {}
  init: {}
  tool: { profiles: [debug] }
  none: { scale: 0 }
  off: { deploy: { replicas: 0 } }
`

const container = (name: string, service: string, awaited: string[] = []): Container => ({
  ...{
    id: name,
    name,
    service,
    number: 1,
    state: "running",
    address: undefined,

    exit_code: 0,
    awaited,
  },
})

test("a project is meant to hold what its subject names, under the names that its owner gave", async () => {
  const expected = projectExpectation(await parseSubject(SUBJECT, "shop.yaml"), "shop")
  const names = (...found: Container[]) => expected(found).nodes.map(({ name, state }) => `${name} ${state}`)
  expect(names()).toEqual(["shop-web-1 exited", "shop-init-1 exited"])
  expect(names(container("front", "web"), container("shop-web-2", "web"), container("shop-init-1", "init"))).toEqual([
    "front running",
    "shop-web-2 running",
    "shop-init-1 running",
  ])
  expect(names(container("shop-tool-1", "tool"))).toContain("shop-tool-1 running")
  expect(expected([container("shop-web-1", "web", ["init"])]).ending).toEqual(new Set(["init"]))
})
