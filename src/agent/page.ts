import type { PagedTicket } from "../store/kinds.ts"
import type { Store } from "../store/open.ts"
import { openTickets } from "../store/tickets.ts"

/** The first message of a session: what the lab is, and what is wrong with it. */
export function pageText(brief: string, tickets: readonly PagedTicket[]): string {
  const list = tickets.length === 0 ? "There is no open ticket." : tickets.map(line).join("\n")
  return [brief.trim(), "Open tickets:", list].filter((part) => part !== "").join("\n\n")
}

/** Tells, each time it is called, which tickets have opened since it was last called; those in `told` are no news. */
export function ticketNews(
  store: Store,
  lab: string,
  told: readonly PagedTicket[] = openTickets(store, lab),
): () => string {
  const known = new Set(told.map(({ id }) => id))
  return () => {
    const opened = openTickets(store, lab).filter(({ id }) => !known.has(id))
    for (const { id } of opened) known.add(id)
    return opened.length === 0 ? "" : `Since then these tickets were opened:\n${opened.map(line).join("\n")}`
  }
}

// internal

function line(ticket: PagedTicket): string {
  const what = ticket.kind === "unknown" ? "cannot be told" : "is violated"
  return `- ${ticket.id} ${ticket.severity}: ${ticket.invariant} of ${ticket.node} ${what} since ${ticket.opened_at}: ${JSON.stringify(ticket.observation)}`
}
