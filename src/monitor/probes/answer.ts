/** What came back from the observed node. An expression sees it as it is. */
export interface Answer {
  duration_ms: number
  status?: number
  headers?: Record<string, string>
  exit_code?: number
  /** JSON where it is JSON, else the text. */
  body?: unknown
}

/**
 * Three ends of a probe, and the whole difference between *violated* and *unknown*: the node answered, the node was
 * asked and did not answer, or something between it and the monitor failed, so that nothing can be said about it.
 */
export type ProbeResult =
  { kind: "answer"; value: Answer } | { kind: "silent"; reason: string } | { kind: "blind"; reason: string }

export interface ProbeOptions {
  /** Filled into the probe's text: `{service}` and `{node}` where the invariant is asked of each node. */
  values: Record<string, string>
  timeout_ms: number
  signal: AbortSignal
}
