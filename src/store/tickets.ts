import { UsageError } from "../lib/errors.ts"
import { randomHex } from "../lib/ids.ts"
import { append } from "./events.ts"
import type { EventKind, TicketKind } from "./kinds.ts"
import type { Store } from "./open.ts"

/** One broken invariant of one node, from first sight until it is settled. */
export interface Ticket {
  id: string
  lab: string
  invariant: string
  node: string
  kind: TicketKind
  role: "gate" | "notice"
  severity: string
  state: TicketState
  occurrences: number
  /** What was seen when it was last opened or counted. */
  observation: unknown
  opened_at: string
  opened_ms: number
  last_ms: number
  settled_at: string | null
  settled_ms: number | null
  reason: string | null
}

export type TicketState = "open" | "held" | "resolved" | "closed" | "escalated"

/** What somebody still has to deal with. */
export const UNSETTLED: readonly TicketState[] = ["open", "held", "escalated"]

/** What a ticket is about; there is one unsettled ticket for it at most. */
export type Sighting = Pick<Ticket, "lab" | "invariant" | "node" | "kind" | "role" | "severity" | "observation">

/** A violation that returns this soon after it was seen to be gone is the same one: a flapping invariant makes one ticket. */
export const REOPEN_WITHIN_MS = 60_000

/** Opens a ticket, reopens the one that was resolved just now, or counts on the one that is unsettled. For the monitor alone. */
export function openTicket(store: Store, sighting: Sighting): string {
  return store.write(() => {
    const last = latest(store, sighting)
    if (!last || last.state === "closed") return created(store, sighting)
    const resolved = last.state === "resolved"
    if (resolved && store.clock.mono_ms() - (last.settled_ms ?? 0) > REOPEN_WITHIN_MS) return created(store, sighting)
    const occurrences = last.occurrences + 1
    append(
      store,
      last.lab,
      resolved ? "ticket.reopened" : "ticket.repeated",
      { ticket: last.id, occurrences },
      {
        project: ({ mono_ms }) =>
          store.db.query(COUNT).run({
            id: last.id,
            state: resolved ? "open" : last.state,
            occurrences,
            observation: JSON.stringify(sighting.observation),
            mono_ms,
            reason: resolved ? null : last.reason,
          }),
      },
    )
    return last.id
  })
}

/** Settles what was seen to hold again. For the monitor alone: nobody else can say so. An escalated ticket stays escalated. */
export function resolveTicket(store: Store, about: About): void {
  store.write(() => {
    const last = latest(store, about)
    if (last?.state === "open" || last?.state === "held") move(store, last, "ticket.resolved", "resolved", null)
  })
}

/** A person takes a ticket: no agent is given it until it is released. */
export function holdTicket(store: Store, id: string, reason: string): void {
  change(store, id, "held", ["open"], (ticket) => move(store, ticket, "ticket.held", "held", reason))
}

/** A person gives a ticket back to the agents, also one that they had to hand over: its lab may be tried again. */
export function releaseTicket(store: Store, id: string): void {
  change(store, id, "released", ["held", "escalated"], (ticket) => {
    move(store, ticket, "ticket.released", "open", null)
    store.db.query("update labs set attempts = 0 where id = ?").run(ticket.lab)
  })
}

/** A person settles a ticket without anybody having seen the invariant hold, and says why. */
export function closeTicket(store: Store, id: string, reason: string): void {
  if (reason.trim() === "") throw new UsageError(`${id} cannot be closed without a reason`)
  change(store, id, "closed", UNSETTLED, (ticket) => move(store, ticket, "ticket.closed", "closed", reason))
}

/** The agents have used up their attempts. Nothing happens to a ticket that was settled or taken by a person meanwhile. */
export function escalate(store: Store, id: string, reason: string): void {
  store.write(() => {
    const ticket = getTicket(store, id)
    if (ticket?.state === "open") move(store, ticket, "ticket.escalated", "escalated", reason)
  })
}

export function getTicket(store: Store, id: string): Ticket | undefined {
  const row = store.db.query<Row, [string]>("select * from tickets where id = ?").get(id)
  return row ? fromRow(row) : undefined
}

/** Tickets in the order in which they were opened; of one lab, in some states, when given. */
export function listTickets(store: Store, options: { lab?: string; states?: readonly TicketState[] } = {}): Ticket[] {
  return store.db
    .query<Row, { lab: string | null; states: string }>(LIST)
    .all({ lab: options.lab ?? null, states: JSON.stringify(options.states ?? []) })
    .map(fromRow)
}

/** What an agent may work on. */
export function openTickets(store: Store, lab: string): Ticket[] {
  return listTickets(store, { lab, states: ["open"] })
}

// internal

type Row = Omit<Ticket, "observation"> & { observation: string }

type About = Pick<Ticket, "lab" | "invariant" | "node" | "kind">

const LATEST = `select * from tickets where lab = :lab and invariant = :invariant and node = :node and kind = :kind
  order by opened_ms desc, rowid desc limit 1`

const LIST = `select * from tickets where (:lab is null or lab = :lab)
  and (:states = '[]' or state in (select value from json_each(:states))) order by opened_ms, rowid`

const CREATE = `insert into tickets (id, lab, invariant, node, kind, role, severity, state, occurrences, observation, opened_at, opened_ms, last_ms)
  values (:id, :lab, :invariant, :node, :kind, :role, :severity, 'open', 1, :observation, :at, :mono_ms, :mono_ms)`

const COUNT = `update tickets set state = :state, occurrences = :occurrences, observation = :observation, last_ms = :mono_ms,
  reason = :reason, settled_at = null, settled_ms = null where id = :id`

const MOVE = `update tickets set state = :state, reason = :reason, settled_at = :at, settled_ms = :mono_ms where id = :id`

function created(store: Store, sighting: Sighting): string {
  const id = freshId(store)
  const { lab, invariant, node, kind, role, severity } = sighting
  const observation = JSON.stringify(sighting.observation)
  append(
    store,
    lab,
    "ticket.opened",
    { ticket: id, invariant, node, kind, severity },
    {
      project: ({ at, mono_ms }) =>
        store.db.query(CREATE).run({ id, lab, invariant, node, kind, role, severity, observation, at, mono_ms }),
    },
  )
  return id
}

type Moving = Extract<EventKind, `ticket.${"resolved" | "held" | "released" | "closed" | "escalated"}`>

/** The event of a move, and the row that follows. Only `resolved` and `closed` settle. */
function move(store: Store, ticket: Ticket, kind: Moving, state: TicketState, reason: string | null): void {
  const settled = state === "resolved" || state === "closed"
  append(store, ticket.lab, kind, reason === null ? { ticket: ticket.id } : { ticket: ticket.id, reason }, {
    project: ({ at, mono_ms }) =>
      store.db
        .query(MOVE)
        .run({ id: ticket.id, state, reason, at: settled ? at : null, mono_ms: settled ? mono_ms : null }),
  })
}

/** Does what a person asked for when the ticket is in one of the states that allow it, else says why not. */
function change(
  store: Store,
  id: string,
  verb: string,
  from: readonly TicketState[],
  act: (ticket: Ticket) => void,
): void {
  store.write(() => {
    const ticket = getTicket(store, id)
    if (!ticket) throw new UsageError(`there is no ticket ${id}`, { hint: "operator tickets list" })
    if (!from.includes(ticket.state)) throw new UsageError(`${id} is ${ticket.state} and cannot be ${verb}`)
    act(ticket)
  })
}

function latest(store: Store, { lab, invariant, node, kind }: About): Ticket | undefined {
  const row = store.db.query<Row, About>(LATEST).get({ lab, invariant, node, kind })
  return row ? fromRow(row) : undefined
}

function fromRow(row: Row): Ticket {
  return { ...row, observation: JSON.parse(row.observation) }
}

/** Short, so that a person can type it. */
function freshId(store: Store): string {
  const id = `t-${randomHex(6)}`
  return getTicket(store, id) ? freshId(store) : id
}
