import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { type StoredLab, storedLab } from "../../test/support/stored-lab.ts"
import { holdTicket, openTicket, openTickets, resolveTicket, type Ticket } from "../store/tickets.ts"
import { pageText, ticketNews } from "./page.ts"

let stored: StoredLab
beforeEach(() => {
  stored = storedLab()
})
afterEach(() => stored[Symbol.dispose]())

const about = (node: string, kind: Ticket["kind"] = "violated") => {
  return { lab: stored.lab, invariant: "health", node, kind } as const
}
const open = (node: string, kind: Ticket["kind"] = "violated") =>
  openTicket(stored.store, {
    ...about(node, kind),
    role: "gate",
    severity: "critical",
    observation: { reason: `${node} is silent` },
  })
const tickets = () => openTickets(stored.store, stored.lab)

describe("the page", () => {
  test("says what the lab is and what is wrong with it, one line a ticket", () => {
    const [violated, unknown] = [open("a"), open("b", "unknown")]
    const lines = pageText("Three nodes.\n", tickets()).split("\n")
    expect(lines.slice(0, 4)).toEqual(["Three nodes.", "", "Open tickets:", ""])
    expect(lines).toHaveLength(6)
    expect(lines[4]).toMatch(new RegExp(`^- ${violated} critical: health of a is violated since 2.*Z: .*a is silent`))
    expect(lines[5]).toMatch(new RegExp(`^- ${unknown} critical: health of b cannot be told since`))
  })

  test("without tickets says so, and without a brief says nothing of the lab", () => {
    expect(pageText("", [])).toBe("Open tickets:\n\nThere is no open ticket.")
  })
})

describe("the news", () => {
  test("are the tickets that opened since they were last asked for", () => {
    const known = open("a")
    const news = ticketNews(stored.store, stored.lab)
    expect(news()).toBe("")
    const fresh = open("b")
    const told = news()
    expect(told).toContain(fresh)
    expect(told).not.toContain(known)
    expect(news()).toBe("")
  })

  test("hold what opened after the page was written, however soon", () => {
    const page = tickets()
    const id = open("a")
    expect(ticketNews(stored.store, stored.lab, page)()).toContain(id)
  })

  test("are not a ticket that is counted on, nor one that a person took", () => {
    const id = open("a")
    const news = ticketNews(stored.store, stored.lab)
    open("a")
    holdTicket(stored.store, open("b"), "mine")
    expect(news()).toBe("")
    resolveTicket(stored.store, about("a"))
    expect(news()).toBe("")
    expect(open("a")).toBe(id)
    expect(news()).toBe("")
  })
})
