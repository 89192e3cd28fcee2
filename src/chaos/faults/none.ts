import { z } from "zod"
import type { Fault } from "../fault.ts"

/** Breaks nothing. The cell in which monitor and agent ought to stay quiet, and where an author of faults begins. */
export const none: Fault<Record<string, never>, Record<string, never>> = {
  name: "none",
  about: "Breaks nothing: monitor and agent ought to stay quiet",
  params: z.strictObject({}),
  platforms: ["process", "docker"],
  heals_itself: true,
  plan: () => ({}),
  inject: async () => {},
  probe: async () => "gone",
  revert: async () => {},
}
