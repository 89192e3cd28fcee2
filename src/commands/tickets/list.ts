import { defineCommand } from "../../lib/command.ts"
import { ago, note, printJson } from "../../lib/output.ts"
import { matchPrefix } from "../../lib/prefix.ts"
import { printTable } from "../../lib/table.ts"
import { labIds } from "../../store/labs.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"
import { listTickets } from "../../store/tickets.ts"

const WHERE = "operator labs shows those that are up, operator audit list the others, too"

export default defineCommand({
  about: "Tickets that are not settled, oldest first.",
  examples: ["operator tickets list", "operator tickets list ratelimiter-7f3a --all"],
  args: {
    lab: { type: "positional", required: false, complete: "lab", description: "of one lab alone" },
    all: { type: "boolean", description: "settled ones too" },
  },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const tickets = listTickets(store, {
      ...(args.lab === undefined ? {} : { lab: matchPrefix(args.lab, labIds(store), "lab", WHERE) }),
      ...(args.all ? {} : { states: ["open", "held", "escalated"] as const }),
    })
    store.close()
    if (args.json) return printJson(tickets)
    if (tickets.length === 0) return note(args.all ? "no ticket" : "no open ticket; --all shows the settled ones too")
    const now = new Date()
    printTable(tickets, [
      { title: "TICKET", value: (ticket) => ticket.id },
      { title: "LAB", value: (ticket) => ticket.lab },
      { title: "SEVERITY", value: (ticket) => ticket.severity },
      {
        title: "INVARIANT",
        value: (ticket) => (ticket.kind === "unknown" ? `${ticket.invariant} (unknown)` : ticket.invariant),
      },
      { title: "NODE", value: (ticket) => ticket.node },
      { title: "STATE", value: (ticket) => ticket.state },
      { title: "SEEN", value: (ticket) => ticket.occurrences, align: "right" },
      { title: "OPENED", value: (ticket) => ago(ticket.opened_at, now) },
    ])
  },
})
