import { join } from "node:path"
import { ENGINE } from "./scoped-lab.ts"

/** The engine of this machine behind a socket of its own, where what it says to some requests is altered: by path, as it comes. */
export interface AlteredEngine extends Disposable {
  /** For DOCKER_HOST. */
  host: string
}

/** `alter` is by the path without its version, such as "/networks", and about its JSON when it is asked for without a filter. */
export function alteredEngine(dir: string, alter: Record<string, (said: never) => unknown>): AlteredEngine {
  const socket = join(dir, "altered.sock")
  const server = Bun.serve({
    unix: socket,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url)
      const answer = await fetch(`http://engine${pathname}${search}`, {
        ...{ unix: ENGINE, method: request.method, headers: request.headers, keepalive: false, proxy: false },
        ...(request.body && { body: await request.bytes() }),
      })
      const change = alter[pathname.replace(/^\/v[\d.]+(?=\/)/, "")]
      if (request.method !== "GET" || search !== "" || change === undefined) return answer
      return Response.json(change((await answer.json()) as never))
    },
  })
  return { host: `unix://${socket}`, [Symbol.dispose]: () => void server.stop(true) }
}
