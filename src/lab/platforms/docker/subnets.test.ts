import { describe, expect, test } from "bun:test"
import { EnvironmentError } from "../../../lib/errors.ts"
import type { Engine } from "./engine.ts"
import { freeSubnets, gatewayOf, lastFree } from "./subnets.ts"

/** An engine that has networks with these ranges, and nothing else. */
function engineWith(...subnets: (string | undefined)[]): Engine {
  const networks = subnets.map((Subnet) => ({ IPAM: { Config: Subnet === undefined ? null : [{ Subnet }] } }))
  const refuse = () => Promise.reject(new Error("nothing else is asked"))
  return { host: "", request: <T>() => Promise.resolve(networks as T), stream: refuse }
}

// Other labs may be up here meanwhile.
const here = () => []
const first = { draw: () => 0, here }
const last = { draw: () => 0.99999, here }

describe("address ranges", () => {
  test("are as small as the members allow, with room for the gateway and helpers", async () => {
    expect(await freeSubnets(engineWith(), [1], first)).toEqual(["192.168.192.0/28"])
    expect(await freeSubnets(engineWith(), [8], first)).toEqual(["192.168.192.0/28"])
    expect(await freeSubnets(engineWith(), [9], first)).toEqual(["192.168.192.0/27"])
    expect(await freeSubnets(engineWith(), [100], first)).toEqual(["192.168.192.0/25"])
  })

  test("of one lab never overlap", async () => {
    const found = await freeSubnets(engineWith(), [1, 20, 1], first)
    expect(found).toEqual(["192.168.192.0/28", "192.168.192.32/27", "192.168.192.16/28"])
  })

  test("begin where the draw says and go round, past what is taken", async () => {
    expect(await freeSubnets(engineWith("192.168.255.240/28", undefined, "192.168.192.0/27"), [1], last)).toEqual([
      "192.168.192.32/28",
    ])
  })

  test("keep clear of whatever is larger, or of another kind", async () => {
    const engine = engineWith("192.168.192.0/20", "fd00::/64", "172.17.0.0/16", "192.168.208.9/30")
    expect(await freeSubnets(engine, [1], first)).toEqual(["192.168.208.16/28"])
  })

  test("end when the pool does, with what to do", async () => {
    const none = freeSubnets(engineWith("192.168.128.0/17"), [1], first)
    await expect(none).rejects.toThrow(EnvironmentError)
    await expect(none).rejects.toThrow("no range of 16 addresses is left for a lab in 192.168.192.0/18")
  })
})

test("the gateway of a range is its first address, unless the engine says otherwise, and none for IPv6", () => {
  expect(gatewayOf({ Subnet: "192.168.192.16/28" })).toBe("192.168.192.17")
  expect(gatewayOf({ Subnet: "10.1.0.0/16", Gateway: "10.1.255.254" })).toBe("10.1.255.254")
  expect(gatewayOf({ Subnet: "fd00::/64", Gateway: "fd00::1" })).toBeUndefined()
  expect(gatewayOf({})).toBeUndefined()
})

test("a guest's address is the last that is free, below the broadcast", () => {
  expect(lastFree("172.28.0.0/29", new Set())).toBe("172.28.0.6")
  expect(lastFree("172.28.0.0/29", new Set(["172.28.0.6", "172.28.0.5"]))).toBe("172.28.0.4")
  expect(lastFree("172.28.0.0/30", new Set(["172.28.0.1", "172.28.0.2"]))).toBeUndefined()
  expect(lastFree("fd00::/64", new Set())).toBeUndefined()
})
