import { expect, test } from "bun:test"
import { boundOf } from "./bounded-volume.ts"

const sized = (o: string) => boundOf({ driver_opts: { type: "tmpfs", device: "tmpfs", o } })

test("a volume in memory is bounded by its size, in any unit", () => {
  expect(["size=4096", "size=4k", "size=64m", "size=1G"].map(sized)).toEqual([4096, 4096, 64 << 20, 1 << 30])
})

test("a volume that reaches anything else, or has no size, is not bounded", () => {
  expect(["", "size=0", "size=50%", "size=1m,uid=0", "bind"].map(sized)).toEqual(Array(5).fill(undefined))
  expect(boundOf({ driver_opts: { type: "none", device: "/", o: "size=1m" } })).toBeUndefined()
  expect(boundOf({ driver: "nfs", driver_opts: { type: "tmpfs", device: "tmpfs", o: "size=1m" } })).toBeUndefined()
  expect(boundOf({})).toBeUndefined()
})
