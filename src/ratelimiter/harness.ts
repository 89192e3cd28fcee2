import { systemClock } from "../lib/clock.ts"
import { randomHex } from "../lib/ids.ts"
import { flags } from "./flags.ts"
import { integerFromText, text } from "./input.ts"
import { main } from "./main.ts"
import { placeFrom } from "./open.ts"

/**
 * The program as the harness runs it: with a command that falsifies counters. No image holds that, and no help names it: who finds it in
 * a node would know what was done.
 */
export function mainOfHarness(args: string[]): Promise<number> {
  return main(args, new Map([["tamper", tamper]]))
}

// internal

const KEYS = { min: 1, max: 1_000 }
const BY = { min: -1_000_000, max: 1_000_000 }
const SEED_CHARACTERS = { min: 1, max: 64 }

async function tamper(args: string[]): Promise<void> {
  const given = flags(args, { required: ["store", "keys", "by"], optional: ["seed"] })
  const { tamper } = await import("./tamper.ts")
  const tampering = await tamper(placeFrom(given.store), {
    keys: integerFromText(given.keys, "--keys", KEYS),
    by: integerFromText(given.by, "--by", BY),
    seed: text(given.seed ?? randomHex(8), "--seed", SEED_CHARACTERS),
    clock: systemClock,
  })
  console.log(JSON.stringify(tampering))
}

if (import.meta.main) process.exitCode = await mainOfHarness(process.argv.slice(2))
