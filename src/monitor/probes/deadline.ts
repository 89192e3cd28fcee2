/** Runs `work` under a signal that aborts after `timeout_ms` or with `signal`. `expired` tells which it was. Leaves no timer. */
export async function withDeadline<T>(
  options: { timeout_ms: number; signal: AbortSignal },
  work: (deadline: { signal: AbortSignal; expired: () => boolean }) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  let expired = false
  const abort = () => controller.abort()
  const timer = setTimeout(() => {
    expired = true
    abort()
  }, options.timeout_ms)
  options.signal.addEventListener("abort", abort, { once: true })
  if (options.signal.aborted) abort()
  try {
    return await work({ signal: controller.signal, expired: () => expired })
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener("abort", abort)
  }
}
