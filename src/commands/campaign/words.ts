import type { CensoredTime } from "../../eval/stats/survival.ts"
import type { Cell } from "../../eval/summary.ts"
import type { Verdict } from "../../eval/verdict.ts"
import { showDuration } from "../../lib/duration.ts"
import { showDollars } from "../../lib/dollars.ts"
import type { Paint } from "../../lib/output.ts"
import type { CampaignDollars } from "../../store/spending.ts"
import type { Trial } from "../../store/trials.ts"

/** A cell with all that it is. */
export function cellName({ subject, fault, target, params, on_restart }: Cell): string {
  return `${subject} · ${faultName({ fault, target, params })}${on_restart === "void" ? ", ended by a restart" : ""}`
}

/** Names cells by what tells them apart: no more than the fault where there is one subject, one target and one set of parameters. */
export function shortNames(cells: readonly Cell[]): (cell: Cell) => string {
  const kinds = (keyOf: (cell: Cell) => string) => new Set(cells.map(keyOf)).size
  const faults = kinds(({ fault }) => fault)
  const by_subject = kinds(({ subject }) => subject) > 1
  const by_target = kinds(({ fault, target }) => JSON.stringify([fault, target])) > faults
  const by_params = kinds(({ fault, params }) => JSON.stringify([fault, params])) > faults
  return ({ subject, fault, target, params }) => {
    const name = faultName({ fault, target: by_target ? target : "all", params: by_params ? params : {} })
    return by_subject ? `${subject} · ${name}` : name
  }
}

/** One trial among those of its cell. */
export function trialName(
  cell: string,
  { variant, repetition, attempt }: Pick<Trial, "variant" | "repetition" | "attempt">,
): string {
  return `${cell} · ${variant} · ${repetition}${attempt > 1 ? ` · attempt ${attempt}` : ""}`
}

/** A time that is censored is longer than what is shown, not missing. */
export function showCensored(time: CensoredTime | null): string {
  if (time === null) return "–"
  return time.censored ? `> ${showDuration(time.ms)}` : showDuration(time.ms)
}

/** A share in whole percent: 100 % is all, 0 % is none. */
export function showPercent(share: number): string {
  return `${percent(share)} %`
}

/** "44–100 %" */
export function showInterval({ low, high }: { low: number; high: number }): string {
  return `${percent(low)}–${percent(high)} %`
}

/** "spent $1.23 of $50.00"; undefined where nothing cost anything. */
export function showSpent({ spent_usd, reserved_usd, limit_usd }: CampaignDollars): string | undefined {
  if (spent_usd + reserved_usd === 0) return undefined
  const limit = limit_usd === null ? "" : ` of ${showDollars(limit_usd)}`
  const aside = reserved_usd === 0 ? "" : `, ${showDollars(reserved_usd)} set aside`
  return `spent ${showDollars(spent_usd)}${limit}${aside}`
}

export const VERDICT_COLOUR = {
  repaired: "green",
  quiet: "green",
  self_healed: "cyan",
  unrepaired: "red",
  damaged: "red",
  false_alarm: "yellow",
  meddled: "red",
  invalid: "yellow",
  error: "red",
} as const satisfies Record<Verdict, keyof Paint>

// internal

function faultName({ fault, target, params }: Omit<Cell, "subject">): string {
  const words = Object.entries(params).map(
    ([name, value]) => `, ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  )
  return `${fault}${target === "all" ? "" : ` at ${target}`}${words.join("")}`
}

function percent(share: number): number {
  const rounded = Math.round(share * 100)
  if (rounded === 100 && share < 1) return 99
  return rounded === 0 && share > 0 ? 1 : rounded
}
