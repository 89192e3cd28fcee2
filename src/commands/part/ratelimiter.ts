import { defineCommand } from "../../lib/command.ts"
import { mainOfHarness } from "../../ratelimiter/harness.ts"

/** The rate limiter's own program, which a process lab has on its PATH. */
export default defineCommand({
  args: {},
  rest: { name: "words", description: "the program's own words", required: false },
  run: ({ rest }) => mainOfHarness(rest),
})
