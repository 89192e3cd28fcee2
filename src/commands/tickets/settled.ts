import { note, printJson } from "../../lib/output.ts"
import type { Store } from "../../store/open.ts"
import { getTicket } from "../../store/tickets.ts"

/** What a ticket is after a person has changed it. */
export function showSettled(store: Store, id: string, json: boolean): void {
  const ticket = getTicket(store, id)
  if (json) printJson(ticket)
  else note(`${id} is ${ticket?.state}`)
}
