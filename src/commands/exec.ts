import { printJson } from "../lib/output.ts"
import { defineCommand } from "../lib/command.ts"
import { EnvironmentError, UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"
import type { Lab, Node } from "../lab/lab.ts"
import { openLab } from "../lab/open.ts"
import { openStoreReadOnly, storeFile } from "../store/open.ts"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { whichLab } from "./which-lab.ts"

export default defineCommand({
  about:
    "Runs a command inside a lab: in a node's container, or in its folder where nodes are processes; without a node in the lab's own folder, on this machine.",
  examples: [
    "operator exec ratelimiter-7f3a limiter-a -- cat log",
    "operator exec ratelimiter-7f3a -- sh -c 'ratelimiter --help'",
    "operator exec etcd-7f3a etcd0 -- etcdctl endpoint status",
  ],
  args: {
    lab: { type: "positional", complete: "lab", description: "a lab, or the beginning of its id" },
    node: {
      type: "positional",
      required: false,
      complete: "node",
      description: "a node, or its service, where the command runs",
    },
  },
  rest: { name: "command", description: "the command and its words", required: true },
  run: async ({ args, rest }) => {
    const store = openStoreReadOnly(storeFile(args.db))
    const lab = await openLab(store, whichLab(store, args.lab))
    store.close()
    const node = args.node === undefined ? undefined : await whichNode(lab, args.node)
    const { command, cwd, env } =
      lab.platform === "docker" && node ? inContainer(lab, node, rest) : onHost(lab, node, rest)
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

// internal

/** A node by its name, or by that of its service. */
async function whichNode(lab: Lab, word: string): Promise<Node> {
  const nodes = await lab.nodes()
  const found = nodes.find(({ name }) => name === word) ?? nodes.find(({ service }) => service === word)
  if (found) return found
  const names = nodes.map(({ name }) => name)
  throw new UsageError(`${lab.id} has no node "${word}"${didYouMean(word, names)}`, {
    hint: `its nodes: ${names.join(", ")}`,
  })
}

interface Spawn {
  command: string[]
  cwd: string
  env: Record<string, string | undefined>
}

/** In a node's folder, or the lab's. */
function onHost(lab: Lab, node: Node | undefined, words: readonly string[]): Spawn {
  const cwd = node === undefined ? lab.dir : join(lab.dir, node.name)
  if (!existsSync(cwd)) {
    throw new EnvironmentError(`the folder ${cwd} is gone`, {
      hint: `operator down ${lab.id} clears up what is left`,
    })
  }
  const env = { ...Bun.env, ...lab.environment() }
  const program = Bun.which(words[0] ?? "", { PATH: env.PATH ?? "", cwd })
  if (program === null) throw new EnvironmentError(`there is no program "${words[0]}" in ${cwd} or on the lab's PATH`)
  return { command: [program, ...words.slice(1)], cwd, env }
}

/** By Docker's own client, which knows terminals; with one when there is one here. */
function inContainer(lab: Lab, { name, state }: Node, words: readonly string[]): Spawn {
  if (state !== "running") {
    throw new EnvironmentError(`${name} is ${state}, so nothing can be run in it`, {
      hint:
        state === "paused"
          ? `docker unpause ${name}`
          : `docker start ${name}; one that somebody has removed is not in docker ps -a --filter label=lab=${lab.id}`,
    })
  }
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["--tty"] : []
  const env = { ...Bun.env, ...lab.environment() }
  return { command: ["docker", "exec", "--interactive", ...terminal, name, ...words], cwd: process.cwd(), env }
}
