import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { claimCampaign, createCampaign } from "./campaigns.ts"
import { campaignDollars, reserve, type Reserved, settle, spentOn } from "./spending.ts"

let stored: StoredLab

beforeEach(() => {
  stored = storedLab()
  createCampaign(stored.store, { id: "c", name: "c", matrix_hash: "0", matrix: "[]", limit_usd: 1 })
  createCampaign(stored.store, { id: "free", name: "free", matrix_hash: "0", matrix: "[]" })
})
afterEach(() => stored[Symbol.dispose]())

interface Given {
  campaign?: string | null
  session?: string
  session_usd?: number | null
}

function set(usd: number, { campaign = "c", session = "s-1", session_usd = null }: Given = {}): Reserved {
  return reserve(stored.store, { campaign, lab: stored.lab, session, usd, limits: { session_usd } })
}

function idOf(reserved: Reserved): number {
  if (reserved.kind === "over") throw new Error(`over the limit of the ${reserved.which}`)
  return reserved.id
}

const OVER_CAMPAIGN = { kind: "over", which: "campaign" } as const
const OVER_SESSION = { kind: "over", which: "session" } as const

describe("dollars are set aside", () => {
  test("up to the campaign's limit, over all of its sessions, and not a cent further", () => {
    for (let n = 1; n <= 10; n++) expect(set(0.1, { session: `s-${n}` })).toMatchObject({ kind: "reserved" })
    expect(set(0.01)).toEqual(OVER_CAMPAIGN)
    expect(set(0)).toMatchObject({ kind: "reserved" })
    expect(spentOn(stored.store, { campaign: "c" }).reserved_usd).toBeCloseTo(1)
  })

  test("up to the session's limit, whatever the campaign has left, and the other way round", () => {
    set(0.2, { session_usd: 0.3 })
    expect(set(0.2, { session_usd: 0.3 })).toEqual(OVER_SESSION)
    expect(set(0.2, { session: "s-2", session_usd: 0.3 })).toMatchObject({ kind: "reserved" })
    expect(set(0.7, { session: "s-3", session_usd: 5 })).toEqual(OVER_CAMPAIGN)
    expect(set(7, { session: "s-4", session_usd: 5 })).toEqual(OVER_SESSION)
  })

  test("without end where there is no limit, and are counted all the same", () => {
    set(500, { campaign: "free" })
    set(500, { campaign: null, session: "s-2" })
    expect(spentOn(stored.store, { session: "s-1" })).toEqual({ spent_usd: 0, reserved_usd: 500 })
    expect(spentOn(stored.store, { session: "s-2" })).toEqual({ spent_usd: 0, reserved_usd: 500 })
    expect(spentOn(stored.store, { campaign: "c" })).toEqual({ spent_usd: 0, reserved_usd: 0 })
  })

  test("only when they are a number", () => {
    expect(() => set(Number.NaN)).toThrow("NaN dollars")
    expect(() => set(-1)).toThrow("-1 dollars")
    expect(set(Infinity)).toEqual(OVER_CAMPAIGN)
  })
})

describe("what was set aside", () => {
  test("gives way to what was spent, and the rest can be set aside again", () => {
    const id = idOf(set(0.9))
    expect(set(0.2)).toEqual(OVER_CAMPAIGN)
    settle(stored.store, id, 0.3)
    expect(spentOn(stored.store, { campaign: "c" })).toEqual({ spent_usd: 0.3, reserved_usd: 0 })
    expect(set(0.7)).toMatchObject({ kind: "reserved" })
    expect(set(0.1)).toEqual(OVER_CAMPAIGN)
  })

  test("counts as spent when nobody knows what was", () => {
    settle(stored.store, idOf(set(0.9)), null)
    expect(spentOn(stored.store, { session: "s-1" })).toEqual({ spent_usd: 0.9, reserved_usd: 0 })
  })

  test("is settled once: a second time changes nothing", () => {
    const [known, unknown] = [idOf(set(0.3)), idOf(set(0.4))]
    settle(stored.store, known, 0.1)
    settle(stored.store, known, 0.2)
    settle(stored.store, known, null)
    settle(stored.store, unknown, null)
    settle(stored.store, unknown, 0)
    expect(spentOn(stored.store, { campaign: "c" }).spent_usd).toBeCloseTo(0.5)
  })

  test("may turn out to cost more than that, and then leaves nothing", () => {
    settle(stored.store, idOf(set(0.5)), 1.5)
    expect(set(0)).toEqual(OVER_CAMPAIGN)
  })
})

describe("a campaign", () => {
  test("has used its dollars up when what was spent and what is set aside reach its limit", () => {
    set(0.4)
    const id = idOf(set(0.6))
    expect(campaignDollars(stored.store, "c")).toEqual({ spent_usd: 0, reserved_usd: 1, limit_usd: 1, used_up: true })
    settle(stored.store, id, 0.5)
    expect(campaignDollars(stored.store, "c")).toMatchObject({ spent_usd: 0.5, reserved_usd: 0.4, used_up: false })
    set(900, { campaign: "free" })
    expect(campaignDollars(stored.store, "free")).toMatchObject({ limit_usd: null, used_up: false })
  })

  test("that goes on with a higher limit has dollars again", () => {
    settle(stored.store, idOf(set(1)), 1)
    stored.store.db.run("update campaigns set runner_pid = 999999999")
    expect(claimCampaign(stored.store, "c", 3)).toBeUndefined()
    expect(campaignDollars(stored.store, "c")).toMatchObject({ limit_usd: 3, used_up: false })
    expect(set(2)).toMatchObject({ kind: "reserved" })
  })
})
