import { dlopen } from "bun:ffi"
import { EnvironmentError } from "../../lib/errors.ts"

/**
 * A pipe of the kernel, as two file descriptors that the caller closes. Children of Bun don't inherit them unasked.
 * Bun's own "pipe" is a socket, and a socket cannot be opened again by name: `tee /dev/stderr` would fail with ENXIO.
 */
export function openPipe(): { read_fd: number; write_fd: number } {
  const fds = new Int32Array(2)
  if (libc().pipe(fds) !== 0) {
    throw new EnvironmentError("no pipe could be opened", { hint: "raise the limit of open files (ulimit -n)" })
  }
  return { read_fd: fds[0]!, write_fd: fds[1]! }
}

// internal

/** The C library by its names: on macOS, with glibc, and with musl. */
const LIBC = ["libSystem.B.dylib", "libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`]

let symbols: ReturnType<typeof load> | undefined
const libc = () => (symbols ??= load())

function load() {
  const failures: unknown[] = []
  for (const name of LIBC) {
    try {
      return dlopen(name, { pipe: { args: ["ptr"], returns: "i32" } }).symbols
    } catch (error) {
      failures.push(error)
    }
  }
  throw new EnvironmentError(`none of ${LIBC.join(", ")} could be loaded`, { cause: new AggregateError(failures) })
}
