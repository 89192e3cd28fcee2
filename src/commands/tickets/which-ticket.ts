import { matchPrefix } from "../../lib/prefix.ts"
import type { Store } from "../../store/open.ts"
import { getTicket, listTickets, type Ticket } from "../../store/tickets.ts"

/** The ticket that a word means: its id, or the beginning of it. */
export function whichTicket(store: Store, word: string): Ticket {
  const ids = listTickets(store).map(({ id }) => id)
  const ticket = getTicket(store, matchPrefix(word, ids, "ticket", "operator tickets list --all shows them"))
  if (!ticket) throw new Error(`the store lost the ticket ${word}`)
  return ticket
}
