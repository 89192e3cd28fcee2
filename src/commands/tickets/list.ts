import { defineCommand } from "../../lib/command.ts"
import { ago, note, printJson } from "../../lib/output.ts"
import { matchPrefix } from "../../lib/prefix.ts"
import { printTable } from "../../lib/table.ts"
import { labIds, livingLabs } from "../../store/labs.ts"
import { openStoreToList } from "../../store/open.ts"
import { listTickets, UNSETTLED } from "../../store/tickets.ts"

const WHERE = "operator labs shows those that are up, operator audit list the others, too"

export default defineCommand({
  about: "Tickets of the labs that are up, as far as they are not settled, oldest first.",
  examples: ["operator tickets list", "operator tickets list ratelimiter-7f3a --all"],
  args: {
    lab: { type: "positional", required: false, complete: "lab", description: "of one lab alone" },
    all: { type: "boolean", description: "settled ones too, and those of labs that are gone" },
  },
  run: ({ args }) => {
    const store = openStoreToList(args.db)
    const living = new Set(livingLabs(store).map(({ id }) => id))
    const found = listTickets(store, {
      ...(args.lab === undefined ? {} : { lab: matchPrefix(args.lab, labIds(store), "lab", WHERE) }),
      ...(args.all ? {} : { states: UNSETTLED }),
    })
    const tickets = args.all || args.lab !== undefined ? found : found.filter(({ lab }) => living.has(lab))
    store.close()
    if (args.json) return printJson(tickets)
    if (tickets.length === 0)
      return note(
        args.all ? "no ticket" : "no open ticket; --all shows settled ones too, and those of labs that are gone",
      )
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
