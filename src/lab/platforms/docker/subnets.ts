import { readFileSync } from "node:fs"
import { networkInterfaces } from "node:os"
import { codeOf, EnvironmentError } from "../../../lib/errors.ts"
import type { Engine } from "./engine.ts"

/**
 * The addresses of all labs. Docker's own pool ends at some thirty networks, since it hands out large ones, and it reaches this
 * range last. Private (RFC 1918).
 */
const POOL: Range = { start: parse("192.168.192.0"), size: 1 << 14 }

/** Beside the nodes: the network itself, its gateway and broadcast, the agent's kitchen, and helpers. */
const SPARE = 8
/** A /28. Smaller networks would save nothing: the pool holds a thousand of these. */
const SMALLEST = 16

/**
 * An address range for each network, large enough for its members, that nothing on this machine uses now. `draw` (0 to 1) says
 * where to begin to look, so that labs which come up at once seldom want the same. Another lab may still be quicker: the engine
 * then refuses ("Pool overlaps"), and one asks again.
 */
export async function freeSubnets(
  engine: Engine,
  members: readonly number[],
  { draw = Math.random, here = rangesHere }: { draw?: () => number; here?: () => (Range | undefined)[] } = {},
): Promise<string[]> {
  const networks = (await engine.request<Listed[]>("GET", "/networks")) ?? []
  const taken = [
    ...networks.flatMap(({ IPAM }) => (IPAM.Config ?? []).map(({ Subnet }) => rangeOf(Subnet ?? ""))),
    ...here(),
  ].filter((range) => range !== undefined)
  return members.map((count) => {
    const range = firstFree(sizeFor(count), taken, draw())
    taken.push(range)
    return show(range)
  })
}

/** As the engine describes one of a network's. */
export interface AddressRange {
  Subnet?: string
  /** Left out where the engine has chosen it. */
  Gateway?: string
}

/** This host's own address in a network: its first, unless somebody chose another. Undefined for IPv6. */
export function gatewayOf({ Subnet = "", Gateway }: AddressRange): string | undefined {
  const range = rangeOf(Subnet)
  return range && (Gateway ?? dotted(range.start + 1))
}

/** The last address of a range that is none of `taken`, where nobody who counts from the front comes; undefined when there is none. */
export function lastFree(cidr: string, taken: ReadonlySet<string>): string | undefined {
  const range = rangeOf(cidr)
  if (range === undefined) return undefined
  // The very last one is the broadcast.
  for (let address = range.start + range.size - 2; address > range.start; address--) {
    if (!taken.has(dotted(address))) return dotted(address)
  }
  return undefined
}

// internal

interface Listed {
  IPAM: { Config: AddressRange[] | null }
}

interface Range {
  start: number
  size: number
}

function sizeFor(members: number): number {
  return Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(members + SPARE)))
}

function firstFree(size: number, taken: readonly Range[], draw: number): Range {
  const places = Math.floor(POOL.size / size)
  const first = Math.floor(draw * places)
  for (let n = 0; n < places; n++) {
    const range = { start: POOL.start + ((first + n) % places) * size, size }
    if (!taken.some((other) => overlap(range, other))) return range
  }
  throw new EnvironmentError(`no range of ${size} addresses is left for a lab in ${show(POOL)}`, {
    hint: "operator labs shows what is up; docker network prune removes what nobody uses",
  })
}

function overlap(a: Range, b: Range): boolean {
  return a.start < b.start + b.size && b.start < a.start + a.size
}

/** Undefined for IPv6, which has nothing in common with the pool. */
function rangeOf(cidr: string): Range | undefined {
  const [, address, bits] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr) ?? []
  if (address === undefined) return undefined
  const size = 2 ** (32 - Number(bits))
  return { start: Math.floor(parse(address) / size) * size, size }
}

/** What this machine itself has a part in. */
function rangesHere(): (Range | undefined)[] {
  const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ cidr }) => rangeOf(cidr ?? "")))
  return [...own, ...routes()]
}

/** Where this machine sends what it does not deliver itself, into a private network for instance: proc(5), little-endian hexadecimal. */
function routes(): Range[] {
  const number = (hex: string) => Number.parseInt(hex.match(/../g)?.reverse().join("") ?? "0", 16)
  return readRoutes()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .map(([, destination = "", , , , , , mask = ""]) => ({ start: number(destination), size: 2 ** 32 - number(mask) }))
    .filter(({ size }) => size > 0 && size < 2 ** 32)
}

function readRoutes(): string {
  try {
    return readFileSync("/proc/net/route", "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT") return ""
    throw error
  }
}

function parse(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)
}

function show({ start, size }: Range): string {
  return `${dotted(start)}/${32 - Math.log2(size)}`
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".")
}
