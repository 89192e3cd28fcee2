import { createServer, type Socket } from "node:net"

/** A TCP server of the test's own words: `say` is called whenever a connection has sent something. */
export async function rawServer(say: (socket: Socket) => void) {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on("error", () => sockets.delete(socket))
    socket.on("data", () => say(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port, url: `http://127.0.0.1:${port}/`, connections: () => connections, [Symbol.asyncDispose]: close }
}
