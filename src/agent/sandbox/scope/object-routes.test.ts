import { expect, test } from "bun:test"
import type { AskEngine } from "./engine.ts"
import { OBJECT_ROUTES } from "./object-routes.ts"
import { aboutLab } from "./route.ts"
import { NETWORKS_MAX, type Terms } from "./terms.ts"

/** What becomes of a new network in a lab that has so many already. */
async function created(body: object, more: Partial<Terms> = {}, existing = 1) {
  const networks = Array.from({ length: existing }, (_, index) => ({ Name: `l_${index}`, Labels: { lab: "l" } }))
  const ask: AskEngine = async () => ({ status: 200, json: networks })
  const about = aboutLab(ask, { lab: "l", project: "l", allowed_images: [], ...more })()
  const route = OBJECT_ROUTES.find(({ name }) => name === "create network")!
  return route.judge({ version: "", query: new Map(), ref: "", body }, about)
}

test("a network of a lab without a way out is internal", async () => {
  expect(await created({ Name: "l_n" })).toMatchObject({ kind: "passed" })
  expect(await created({ Name: "l_n" }, { egress: false })).toMatchObject({ kind: "denied", status: 403 })
  expect(await created({ Name: "l_n", internal: true }, { egress: false })).toMatchObject({ kind: "denied" })
  expect(await created({ Name: "l_n", Internal: true }, { egress: false })).toMatchObject({ body: { Internal: true } })
})

test("a network may have the subnet that the lab declares", async () => {
  const body = { Name: "l_n", IPAM: { Config: [{ Subnet: "10.1.2.0/28" }] } }
  expect(await created(body)).toMatchObject({ kind: "denied" })
  expect(await created(body, { subnets: ["10.1.2.0/28"] })).toMatchObject({ kind: "passed" })
})

test("a lab cannot use up the engine's addresses", async () => {
  expect(await created({ Name: "l_n" }, {}, NETWORKS_MAX - 1)).toMatchObject({ kind: "passed" })
  expect(await created({ Name: "l_n" }, {}, NETWORKS_MAX)).toMatchObject({ kind: "denied", status: 403 })
})
