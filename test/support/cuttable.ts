import { connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { randomHex } from "../../src/lib/ids.ts"
import { ENGINE } from "./scoped-lab.ts"

/** A way to the engine that can be cut, and mended. */
export async function cuttable() {
  const socket = join(tmpdir(), `cut-${process.pid}-${randomHex(6)}.sock`)
  const pairs = new Set<Socket>()
  let whole = true
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (!whole) return client.destroy()
    const engine = connect({ path: ENGINE, allowHalfOpen: true })
    pairs.add(client)
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      from.pipe(to)
      from.on("error", () => to.destroy())
      from.on("close", () => {
        to.destroy()
        pairs.delete(client)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return {
    socket,
    open: () => pairs.size,
    cut: () => {
      whole = false
      for (const client of pairs) client.destroy()
    },
    mend: () => (whole = true),
    [Symbol.asyncDispose]: async () => {
      for (const client of pairs) client.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
