/** A server that answers instant queries in the format that Prometheus' HTTP API documents. */
export interface FakePrometheus extends AsyncDisposable {
  url: string
  /** The metrics that it has, each with the age of its newest sample in seconds. */
  metrics: Map<string, number>
  /** What each expression returns; without an entry no series. */
  series: Map<string, Sample[]>
  /** Answers everything instead, while it is there. */
  instead: ((query: string) => Response | Promise<Response>) | undefined
  queries: string[]
}

export interface Sample {
  labels: Record<string, string>
  value: string
}

export function fakePrometheus(): FakePrometheus {
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, reusePort: false, development: false },
    fetch: async (request) => {
      if (new URL(request.url).pathname !== "/api/v1/query" || request.method !== "POST") {
        return new Response("404 page not found", { status: 404 })
      }
      const query = new URLSearchParams(await request.text()).get("query") ?? ""
      fake.queries.push(query)
      return fake.instead ? fake.instead(query) : vector(answerTo(fake, query))
    },
  })
  const fake: FakePrometheus = {
    url: `http://127.0.0.1:${server.port}`,
    metrics: new Map(),
    series: new Map(),
    instead: undefined,
    queries: [],
    [Symbol.asyncDispose]: () => server.stop(true),
  }
  return fake
}

/** A vector as Prometheus writes it: `[{"metric": {…}, "value": [seconds, "text"]}]`. */
export function vector(samples: readonly Sample[], extra: object = {}, now_ms = Date.now()): Response {
  const result = samples.map(({ labels, value }) => ({ metric: labels, value: [now_ms / 1_000, value] }))
  return Response.json({ status: "success", data: { resultType: "vector", result }, ...extra })
}

// internal

function answerTo(fake: FakePrometheus, query: string): Sample[] {
  if (!query.includes("timestamp(")) return fake.series.get(query) ?? []
  const asked = [...query.matchAll(/__name__="([^"]+)"/g)].map((match) => match[1]!)
  return asked.flatMap((metric) => {
    const age_s = fake.metrics.get(metric)
    return age_s === undefined ? [] : [{ labels: { metric }, value: String(age_s) }]
  })
}
