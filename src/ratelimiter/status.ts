import { showDuration } from "../lib/duration.ts"
import { paint } from "../lib/output.ts"
import { renderTable } from "../lib/table.ts"
import { askFor, NoAnswer } from "./client.ts"

const TIMEOUT_MS = 2_000

/** The registry as a small table, for somebody at a shell. Throws NoAnswer when the node gives none. */
export async function statusTable(url: string): Promise<string> {
  const body = await askFor(url, "/nodes", { timeout_ms: TIMEOUT_MS })
  if (!isRegistry(body)) throw new NoAnswer(`${url} answers GET /nodes with something else than nodes`)
  const columns = [
    { title: "NODE", value: ({ name }: ListedNode) => name },
    { title: "STATUS", value: ({ status }: ListedNode) => status },
    { title: "LAST SEEN", value: (node: ListedNode) => showAge(node.heartbeat_age_ms) },
    { title: "URL", value: ({ url }: ListedNode) => url },
  ]
  return renderTable(body.nodes, columns, { width: Infinity, colours: paint({ isTTY: false }) }).trimEnd()
}

// internal

interface ListedNode {
  name: string
  url: string
  status: string
  heartbeat_age_ms: number | null
}

function isRegistry(body: unknown): body is { nodes: ListedNode[] } {
  return Array.isArray((body as { nodes?: unknown } | null)?.nodes)
}

function showAge(age_ms: number | null): string {
  return age_ms === null ? "said goodbye" : `${showDuration(age_ms)} ago`
}
