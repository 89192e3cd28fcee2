/** Debian's Prometheus, as subjects build it, under whatever tag. */
const NAME = "prometheus"

export const docker = (...words: string[]) => {
  const { success, stdout, stderr } = Bun.spawnSync(["docker", ...words])
  return { success, text: `${stdout}`.trim(), error: `${stderr}`.trim() }
}

/** Whether a real Prometheus can be started here. Where it cannot, stderr says that its tests are skipped; in CI that fails them. */
export function hasPrometheus(): boolean {
  if (image() !== undefined) return true
  console.warn(`skipped: a real Prometheus, for which there is no image ${NAME}`)
  return false
}

export interface RealPrometheus extends Disposable {
  url: string
  container: string
}

/** A Prometheus on this machine's loopback, which scrapes what its configuration says there; it is told its own address. */
export function startPrometheus(configuration: (address: string) => string): RealPrometheus {
  const address = `127.0.0.1:${freePort()}`
  const script = `cat >/tmp/prometheus.yaml <<'END'
${configuration(address)}
END
exec prometheus --config.file=/tmp/prometheus.yaml --storage.tsdb.path=/tmp/data --web.listen-address=${address}`
  const run = docker(
    "run",
    "--detach",
    "--rm",
    "--network",
    "host",
    "--entrypoint",
    "sh",
    image() ?? NAME,
    "-c",
    script,
  )
  if (!run.success) throw new Error(run.error)
  const dispose = () => void docker("rm", "--force", run.text)
  return { url: `http://${address}`, container: run.text, [Symbol.dispose]: dispose }
}

// internal

function image(): string | undefined {
  if (Bun.which("docker") === null) return undefined
  return docker("image", "ls", "--quiet", NAME).text.split("\n")[0] || undefined
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  server.stop(true)
  return server.port
}
