import { errorBody } from "./errors.ts"

/** The answer to GET /v1/models and /v1/models/{id}. */
export function modelsAnswer(path: string, request_id: string): { status: number; body: string } {
  const id = /^\/v1\/models\/([^/]+)$/.exec(path)?.[1]
  if (path === "/v1/models") {
    const page = { data: MODELS.map(model), has_more: false, first_id: MODELS[0], last_id: MODELS.at(-1) }
    return { status: 200, body: JSON.stringify(page) }
  }
  if (id && MODELS.includes(id)) return { status: 200, body: JSON.stringify(model(id)) }
  return { status: 404, body: JSON.stringify(errorBody(404, request_id, id ? `model: ${id}` : "Not found")) }
}

// internal

const MODELS = ["claude-fable-5-2", "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"]

function model(id: string) {
  return {
    type: "model",
    id,
    display_name: id.replace(/^claude-/, "Claude "),
    created_at: "2026-09-22T00:00:00Z",
    deprecated_at: null,
    lifecycle: "active",
    retires_at: null,
    line: null,
    capabilities: null,
    max_input_tokens: 1_000_000,
    max_tokens: 128_000,
  }
}
