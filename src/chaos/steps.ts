import { join } from "node:path"
import type { Lab, Node } from "../lab/lab.ts"

/** What a person types to start a node again. */
export function toStart(lab: Lab, { name }: Pick<Node, "name">): string {
  return lab.platform === "docker" ? `docker start ${name}` : `"${join(lab.dir, name, "start")}"`
}

/** What a person on the lab's machine types to send a signal to a node's process. */
export function toSignal({ process }: Pick<Node, "process">, signal: "KILL" | "STOP" | "CONT"): string {
  return `kill -${signal} ${process?.pid ?? "PID"}`
}
