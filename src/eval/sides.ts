import { didYouMean } from "../lib/nearest.ts"
import { UsageError } from "../lib/errors.ts"
import type { Store } from "../store/open.ts"
import type { Sides } from "./compare.ts"
import { findStoredCampaign } from "./find.ts"
import { type Measured, measuredOf } from "./measured.ts"
import { type Also, pairUp } from "./pairs.ts"
import { NOBODY } from "./totals.ts"

/**
 * What is compared when somebody names two variants of one campaign (the newest that has both, unless it is named), or two
 * campaigns: then each variant that both have, with itself.
 */
export function sidesOf(store: Store, a: string, b: string, campaign?: string): Sides[] {
  const known = variantsIn(store)
  const variants = [a, b].filter((word) => known.has(word))
  if (variants.length === 1) {
    const other = variants[0] === a ? b : a
    throw new UsageError(
      `${variants[0]} is a variant, and there is none that is called "${other}"${didYouMean(other, known)}`,
      {
        hint: "compare two variants, or two campaigns",
      },
    )
  }
  if (variants.length === 0 && campaign !== undefined)
    throw new UsageError("--campaign goes with two variants, not with two campaigns")
  const sides = variants.length === 2 ? sidesOfVariants(store, a, b, campaign) : sidesOfCampaigns(store, a, b)
  return inCommon(sides, `${a} and ${b}`)
}

/** Every other variant of a campaign against one. */
export function sidesAgainst(store: Store, campaign: string, baseline = NOBODY): Sides[] {
  const trials = measuredOf(store, { campaign })
  if (trials.length === 0) throw new UsageError(`no trial of ${campaign} has begun: there is nothing to compare`)
  const by_variant = Map.groupBy(trials, ({ variant }) => variant)
  const base = by_variant.get(baseline)
  if (!base) {
    const hint = `it has ${[...by_variant.keys()].join(", ")}; --baseline names one of them`
    throw new UsageError(`${campaign} has no variant "${baseline}"${didYouMean(baseline, by_variant.keys())}`, { hint })
  }
  const others = [...by_variant].filter(([variant]) => variant !== baseline)
  if (others.length === 0) throw new UsageError(`${campaign} has no other variant than ${baseline}`)
  return inCommon(
    others.map(([variant, trials]) => side([baseline, base], [variant, trials], [])),
    `${baseline} and the others`,
  )
}

/** All variants that were ever tried at one fault of one subject, each against each; pairs are those of one campaign. */
export function sidesAt(store: Store, subject: string, fault: string): Sides[] {
  const trials = trialsAt(store, subject, fault)
  const variants = [...Map.groupBy(trials, ({ variant }) => variant)].sort(([a], [b]) => (a < b ? -1 : 1))
  if (variants.length < 2) throw new UsageError(`nobody but ${variants[0]![0]} was tried at ${fault} of ${subject}`)
  const sides = variants.flatMap((a, i) => variants.slice(i + 1).map((b) => side(a, b, ["campaign"])))
  return inCommon(sides, "the variants")
}

/** The trials of a subject's fault over all campaigns; there is at least one. */
export function trialsAt(store: Store, subject: string, fault: string): Measured[] {
  const trials = measuredOf(store, { subject, fault })
  if (trials.length > 0) return trials
  const tried = store.db
    .query<{ subject: string; fault: string }, []>("select distinct subject, fault from trials order by subject, fault")
    .all()
  const subjects = new Set(tried.map((one) => one.subject))
  if (!subjects.has(subject))
    throw new UsageError(`no trial of the subject "${subject}"${didYouMean(subject, subjects)}`)
  const faults = tried.filter((one) => one.subject === subject).map((one) => one.fault)
  throw new UsageError(`no trial of ${fault} of ${subject}${didYouMean(fault, faults)}`, {
    hint: `there are trials of ${faults.join(", ")}`,
  })
}

// internal

function variantsIn(store: Store): Set<string> {
  const rows = store.db.query<{ variant: string }, []>("select distinct variant from trials").all()
  return new Set(rows.map(({ variant }) => variant))
}

function sidesOfVariants(store: Store, a: string, b: string, word: string | undefined): Sides[] {
  if (a === b) throw new UsageError(`${a} is compared with itself`)
  const newest = store.db.query<{ id: string }, [string, string]>(WITH_BOTH).get(a, b)
  if (word === undefined && !newest)
    throw new UsageError(`no campaign has both ${a} and ${b}: they have no trial in common`)
  const campaign = word === undefined ? newest!.id : findStoredCampaign(store, word)
  const trials = measuredOf(store, { campaign })
  const of = (name: string): Side => [name, trials.filter(({ variant }) => variant === name)]
  return [side(of(a), of(b), [])]
}

const WITH_BOTH = `select c.id from campaigns c where exists (select 1 from trials where campaign = c.id and variant = ?)
  and exists (select 1 from trials where campaign = c.id and variant = ?) order by c.created_at desc, c.rowid desc limit 1`

function sidesOfCampaigns(store: Store, a: string, b: string): Sides[] {
  const [id_a, id_b] = [a, b].map((word) => campaignNotVariant(store, word)) as [string, string]
  if (id_a === id_b) throw new UsageError(`${id_a} is compared with itself`)
  const by_variant = (campaign: string) => Map.groupBy(measuredOf(store, { campaign }), ({ variant }) => variant)
  const [of_a, of_b] = [by_variant(id_a), by_variant(id_b)]
  return [...of_a].flatMap(([variant, trials]) => {
    const others = of_b.get(variant)
    return others ? [side([`${variant} in ${id_a}`, trials], [`${variant} in ${id_b}`, others], ["variant"])] : []
  })
}

/** Who mistypes a variant is not told of campaigns. */
function campaignNotVariant(store: Store, word: string): string {
  try {
    return findStoredCampaign(store, word)
  } catch (error) {
    const near = didYouMean(word, variantsIn(store))
    throw near === "" ? error : new UsageError(`no variant or campaign "${word}"${near}`, { cause: error })
  }
}

type Side = readonly [name: string, trials: readonly Measured[]]

const side = ([a, of_a]: Side, [b, of_b]: Side, also: Also): Sides => ({ a, b, pairing: pairUp(of_a, of_b, also) })

function inCommon(sides: Sides[], who: string): Sides[] {
  if (sides.some(({ pairing: { pairs, dropped } }) => pairs.length + dropped > 0)) return sides
  throw new UsageError(`${who} have no trial in common`, {
    hint: "a pair is the same cell, seed and repetition (and variant, in two campaigns)",
  })
}
