import { printJson } from "../lib/output.ts"
import { defineCommand } from "../lib/command.ts"
import { EnvironmentError, UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"
import { openLab } from "../lab/open.ts"
import { openStoreReadOnly, storeFile } from "../store/open.ts"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { whichLab } from "./which-lab.ts"

export default defineCommand({
  about: "Runs a command inside a lab: in its environment, with its programs on the PATH, in a node's folder.",
  examples: [
    "operator exec ratelimiter-7f3a limiter-a -- cat log",
    "operator exec ratelimiter-7f3a -- sh -c 'ratelimiter --help'",
  ],
  args: {
    lab: { type: "positional", complete: "lab", description: "a lab, or the beginning of its id" },
    node: {
      type: "positional",
      required: false,
      complete: "node",
      description: "a node, in whose folder the command runs",
    },
  },
  rest: { name: "command", description: "the command and its words", required: true },
  run: async ({ args, rest }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const lab = await openLab(store, whichLab(store, args.lab))
    store.close()
    const names = lab.nodes().map(({ name }) => name)
    if (args.node !== undefined && !names.includes(args.node)) {
      throw new UsageError(`${lab.id} has no node "${args.node}"${didYouMean(args.node, names)}`, {
        hint: `its nodes: ${names.join(", ")}`,
      })
    }
    const cwd = args.node === undefined ? lab.dir : join(lab.dir, args.node)
    if (!existsSync(cwd)) {
      throw new EnvironmentError(`the folder ${cwd} is gone`, {
        hint: `operator down ${lab.id} clears up what is left`,
      })
    }
    const env = { ...Bun.env, ...lab.environment() }
    const program = Bun.which(rest[0] ?? "", { PATH: env.PATH ?? "", cwd })
    if (program === null) throw new EnvironmentError(`there is no program "${rest[0]}" in ${cwd} or on the lab's PATH`)
    const command = [program, ...rest.slice(1)]
    if (args.json) {
      const child = Bun.spawn(command, { cwd, env, stdin: "inherit", stdout: "pipe", stderr: "pipe" })
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
      const exit_code = await child.exited
      printJson({ exit_code, stdout, stderr })
      return exit_code
    }
    const child = Bun.spawn(command, { cwd, env, stdin: "inherit", stdout: "inherit", stderr: "inherit" })
    return await child.exited
  },
})
