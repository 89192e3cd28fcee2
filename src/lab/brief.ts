import type { Lab } from "./lab.ts"
import { textFor } from "./per-platform.ts"

/** What whoever is on call is told of a lab: names, and addresses as they are now. */
export function briefOf(lab: Lab): string {
  return lab.render(textFor(lab.subject.brief, lab.platform) ?? "")
}
