import { defineCommand } from "../../lib/command.ts"
import { ago, note, printJson } from "../../lib/output.ts"
import { printTable } from "../../lib/table.ts"
import { allInjections, isOpen } from "../../store/injections.ts"
import { openStoreReadOnly, storeFile } from "../../store/open.ts"

export default defineCommand({
  about: "Injections that may still be in the world; with --all, every one.",
  examples: ["operator chaos status", "operator chaos status --all --json"],
  args: { all: { type: "boolean", description: "those that are over, too" } },
  run: ({ args }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const injections = allInjections(store).filter((injection) => args.all || isOpen(injection))
    store.close()
    if (args.json) return printJson(injections)
    if (injections.length === 0)
      return note(args.all ? "nothing was ever injected" : "nothing is broken; --all shows what was")
    const now = new Date()
    printTable(injections, [
      { title: "INJECTION", value: (injection) => injection.id },
      { title: "LAB", value: (injection) => injection.lab },
      { title: "FAULT", value: (injection) => injection.fault },
      { title: "TARGETS", value: (injection) => injection.targets.join(" ") },
      { title: "PHASE", value: (injection) => injection.phase },
      { title: "EFFECT", value: (injection) => injection.confirmation },
      { title: "CREATED", value: (injection) => ago(injection.created_at, now) },
      { title: "REASON", value: (injection) => injection.reason, flexible: true },
    ])
  },
})
