import { defineCommand } from "../../lib/command.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"
import { holdTicket } from "../../store/tickets.ts"
import { showSettled } from "./settled.ts"
import { whichTicket } from "./which-ticket.ts"

export default defineCommand({
  about: "Takes a ticket: no agent is given it until it is released.",
  examples: ['operator tickets hold t-3f9a --reason "looking at it myself"'],
  args: {
    ticket: { type: "positional", complete: "ticket", description: "a ticket, or the beginning of its id" },
    reason: { type: "string", required: true, description: "why" },
  },
  run: ({ args }) => {
    const store = openExistingStore(storeFile(args.db))
    const ticket = whichTicket(store, args.ticket)
    holdTicket(store, ticket.id, args.reason)
    showSettled(store, ticket.id, args.json === true)
    store.close()
  },
})
