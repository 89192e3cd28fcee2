import { loopbackTrouble } from "../../lib/loopback.ts"
import { type Finding, missing, ok } from "./finding.ts"

/** Whether nodes, probes and load reach each other. */
export async function checkLoopback(): Promise<Finding> {
  const trouble = await loopbackTrouble()
  return trouble ? missing("loopback", trouble.what, trouble.mend) : ok("loopback", "127.0.0.1 answers")
}
