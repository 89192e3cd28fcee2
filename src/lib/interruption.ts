/** Aborts at the first SIGINT, SIGTERM or SIGHUP, so that what is running can heal and end by itself. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => controller.abort())
  return controller.signal
}
