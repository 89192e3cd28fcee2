import { describe } from "../audit/describe.ts"
import { defineCommand } from "../lib/command.ts"
import { interruption } from "../lib/interruption.ts"
import { note, paint, print, showTime } from "../lib/output.ts"
import { openLab } from "../lab/open.ts"
import { startMonitor } from "../monitor/watch.ts"
import { chainHead, type Event, events } from "../store/events.ts"
import type { EventKind } from "../store/kinds.ts"
import { openExistingStore, storeFile } from "../store/open.ts"
import { ALERTMANAGER_ARGS, alertmanagerOptions, serveAlerts } from "./monitor/alertmanager.ts"
import { whichLab } from "./which-lab.ts"

const LOOK_EVERY_MS = 100

const SHOWN: readonly EventKind[] = [
  "observation",
  "gates",
  "node",
  "ticket.opened",
  "ticket.reopened",
  "ticket.repeated",
  "ticket.resolved",
  "ticket.held",
  "ticket.released",
  "ticket.closed",
  "ticket.escalated",
  "lab.ending",
  "lab.destroyed",
  "lab.released",
]

export default defineCommand({
  about:
    "Watches a lab's invariants and keeps its tickets, until it is interrupted or the lab is gone. Prints every change.",
  examples: [
    "operator monitor ratelimiter-7f3a",
    "operator monitor ratelimiter-7f3a --json",
    "operator monitor etcd-7f3a --alertmanager 127.0.0.1:9094 --alertmanager-secret-file ./secret",
  ],
  args: {
    lab: { type: "positional", complete: "lab", description: "a lab, or the beginning of its id" },
    ...ALERTMANAGER_ARGS,
  },
  run: async ({ args }) => {
    const alertmanager = alertmanagerOptions(args)
    const store = openExistingStore(storeFile(args.db))
    const lab = await openLab(store, whichLab(store, args.lab))
    let after = chainHead(store, lab.id).seq
    const signal = interruption()
    const monitor = await startMonitor(store, lab)
    const server = alertmanager && (await serveAlerts(store, lab, monitor, alertmanager))
    note(`watching ${lab.id}; Ctrl-C ends it`)
    const showNew = () => {
      for (const event of events(store, lab.id, { after, kinds: SHOWN })) {
        after = event.seq
        show(event, args.json === true)
      }
    }
    let watching = true
    const ended = monitor.ended.finally(() => (watching = false))
    while (!signal.aborted && watching) {
      showNew()
      await Promise.race([store.clock.sleep(LOOK_EVERY_MS, signal), ended])
    }
    await server?.stop()
    await monitor.stop()
    showNew()
    store.close()
    return signal.aborted ? 130 : 0
  },
})

// internal

function show(event: Event, json: boolean): void {
  if (json) return print(JSON.stringify({ at: event.at, kind: event.kind, ...event.body }))
  const line = describe(event)
  if (!line) return
  const { red, green, yellow, dim } = paint(process.stdout)
  const colour = { ok: green, violated: red, unknown: yellow, ticket: yellow }[line.label] ?? dim
  print(`${showTime(event.at)}  ${colour(line.label.padEnd(9))} ${line.text}`)
}
