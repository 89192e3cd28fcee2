import { showDuration } from "../lib/duration.ts"
import { askFor, NoAnswer } from "./client.ts"

const TIMEOUT_MS = 2_000

/** The registry as a small table, for somebody at a shell. Throws NoAnswer when the node gives none. */
export async function statusTable(url: string): Promise<string> {
  const body = await askFor(url, "/nodes", { timeout_ms: TIMEOUT_MS })
  if (!isRegistry(body)) throw new NoAnswer(`${url} answers GET /nodes with something else than nodes`)
  const rows = body.nodes.map((node) => [node.name, node.status, showAge(node.heartbeat_age_ms), node.url])
  return table([["NODE", "STATUS", "LAST SEEN", "URL"], ...rows])
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

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}
