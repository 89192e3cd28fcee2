import { expect, test } from "bun:test"
import { storedLab } from "../../test/support/stored-lab.ts"
import { adoptedLab, createAdopted, markReleased } from "./adopted.ts"
import { events, firstBreak } from "./events.ts"
import { getLab, isOrphan, livingLabs, stateWord } from "./labs.ts"
import { claimLab } from "./sessions.ts"

test("an adopted lab is up from the beginning, is nobody's orphan, and is worked on until it is let go of", () => {
  using stored = storedLab()
  const { store, lab } = stored
  const { subject_text } = getLab(store, lab)!
  createAdopted(store, "shop", { id: "shop-1", subject: "kv", subject_text, dir: "/nowhere/shop-1" })
  const row = adoptedLab(store, "shop")!
  expect(row).toMatchObject({ id: "shop-1", platform: "docker", state: "up", trial: null, adopted: "shop" })
  expect(isOrphan({ ...row, owner_boot: "an earlier one" })).toBe(false)

  const claim = (session: string) =>
    claimLab(store, { lab: row.id, session, variant: "v", model: "m", lease_ms: 0, max_attempts: 9 })
  expect(claim("s-1")).toBeDefined()
  markReleased(store, row.id, "shop")
  expect(claim("s-2")).toBeUndefined()
  expect(adoptedLab(store, "shop")).toBeUndefined()
  expect(stateWord(getLab(store, row.id)!)).toBe("released")
  expect(livingLabs(store).map(({ id }) => id)).toEqual([lab])
  expect(events(store, row.id).map(({ kind }) => kind)).toEqual(["lab.adopted", "session.claimed", "lab.released"])
  expect(firstBreak(store, row.id)).toBeUndefined()
})
