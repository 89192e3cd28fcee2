import { UsageError } from "../lib/errors.ts"
import { isClaude, type Variant } from "./variant.ts"

/**
 * On processes there is no sandbox: an agent's commands run on this machine, with the rights of whoever started operator. Refuses
 * Claude there unless that was allowed. A runbook's commands stand in its file, for everybody to read.
 */
export function requireHostShell(variant: Pick<Variant, "name" | "model">, platform: string, allowed: boolean): void {
  if (allowed || platform !== "process" || !isClaude(variant)) return
  throw new UsageError(`${variant.name} would work in this machine's own shell: a lab of processes has no other`, {
    hint: "with --allow-host-shell Claude runs any command here, as you: do that in a container or a virtual machine",
  })
}
