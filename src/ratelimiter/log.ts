/** Writes one notable event. */
export type Log = (event: string, details?: Record<string, unknown>) => void

/** One line of JSON an event, on stdout. */
export function lineLog(node: string, now: () => Date): Log {
  return (event, details = {}) => console.log(JSON.stringify({ at: now().toISOString(), node, event, ...details }))
}
