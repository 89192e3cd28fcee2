import { defineCommand } from "../../lib/command.ts"
import { openExistingStore, storeFile } from "../../store/open.ts"
import { closeTicket } from "../../store/tickets.ts"
import { showSettled } from "./settled.ts"
import { whichTicket } from "./which-ticket.ts"

export default defineCommand({
  about: "Settles a ticket although nobody has seen the invariant hold. Only a person does that, and says why.",
  examples: ['operator tickets close t-3f9a --reason "known, and harmless"'],
  args: {
    ticket: { type: "positional", complete: "ticket", description: "a ticket, or the beginning of its id" },
    reason: { type: "string", required: true, description: "why" },
  },
  run: ({ args }) => {
    const store = openExistingStore(storeFile(args.db))
    const ticket = whichTicket(store, args.ticket)
    closeTicket(store, ticket.id, args.reason)
    showSettled(store, ticket.id, args.json === true)
    store.close()
  },
})
