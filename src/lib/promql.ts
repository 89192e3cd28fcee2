/** What a look at the text of a PromQL expression tells, without understanding it. */
export interface Scanned {
  /** The metrics that it names, each once, sorted. */
  metrics: string[]
  /** What is wrong with its brackets or strings; Prometheus judges the rest. */
  problem: string | undefined
}

/**
 * Finds the metrics that a PromQL expression names: bare names, `__name__="…"` and quoted names in braces. Labels, functions,
 * keywords, durations, strings and comments are none (Prometheus' documentation, "Querying basics" and "Operators").
 */
export function scanPromql(expression: string): Scanned {
  const { tokens, problem } = tokenise(expression)
  const metrics = new Set<string>()
  for (let at = 0; at < tokens.length;) {
    const token = tokens[at]!
    if (token === "{") {
      const end = closing(tokens, at)
      for (const name of namesIn(tokens.slice(at + 1, end))) metrics.add(name)
      at = end + 1
    } else if (token === "[" || (LABEL_LISTS.has(token.toLowerCase()) && tokens[at + 1] === "(")) {
      at = closing(tokens, token === "[" ? at : at + 1) + 1
    } else {
      if (NAME.test(token) && tokens[at + 1] !== "(" && !KEYWORDS.has(token.toLowerCase())) metrics.add(token)
      at += 1
    }
  }
  return { metrics: [...metrics].sort(), problem: problem ?? unbalanced(tokens) }
}

// internal

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/** A blank or a comment, a string of one of three kinds, a name, a number or a duration, or any other sign. */
const TOKEN =
  /\s+|#[^\n]*|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'|`[^`]*`|[a-zA-Z_:][a-zA-Z0-9_:]*|\.?[0-9][0-9a-zA-Z_.]*|[^]/g

/** What may be followed by labels in parentheses. */
const LABEL_LISTS = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"])

const AGGREGATIONS =
  "sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio".split(" ")
const KEYWORDS = new Set([...LABEL_LISTS, ...AGGREGATIONS, ..."and or unless atan2 bool offset inf nan".split(" ")])

const CLOSES: Record<string, string> = { "(": ")", "[": "]", "{": "}" }

function tokenise(expression: string): { tokens: string[]; problem: string | undefined } {
  const tokens: string[] = []
  for (const { 0: token, index } of expression.matchAll(TOKEN)) {
    if (/^["'`]$/.test(token)) return { tokens, problem: `a string that begins at character ${index + 1} has no end` }
    if (!/^[\s#]/.test(token)) tokens.push(token)
  }
  return { tokens, problem: undefined }
}

/** Where the bracket at `from` closes; the end of the text when it does not. */
function closing(tokens: readonly string[], from: number): number {
  const [open, close] = [tokens[from]!, CLOSES[tokens[from]!]]
  let depth = 0
  for (let at = from; at < tokens.length; at++) {
    if (tokens[at] === open) depth += 1
    if (tokens[at] === close) depth -= 1
    if (depth === 0) return at
  }
  return tokens.length
}

/** Within braces: `__name__="m"`, and the first string of a matcher without an operator, as in `{"m", job="x"}`. */
function namesIn(matchers: readonly string[]): string[] {
  return matchers.flatMap((token, at) => {
    if (!/^["'`]/.test(token)) return []
    const [before, next] = [matchers[at - 1], matchers[at + 1]]
    const isNamed = before === "=" && unquoted(matchers[at - 2]) === "__name__"
    const isBare = (before === undefined || before === ",") && (next === undefined || next === ",")
    return isNamed || isBare ? [unquoted(token)] : []
  })
}

function unquoted(token = ""): string {
  return /^["'`]/.test(token) ? token.slice(1, -1) : token
}

function unbalanced(tokens: readonly string[]): string | undefined {
  const open: string[] = []
  for (const token of tokens) {
    if (CLOSES[token]) open.push(CLOSES[token])
    if (/^[)\]}]$/.test(token) && open.pop() !== token) return `"${token}" closes nothing`
  }
  return open.length > 0 ? `"${open.at(-1)}" is missing` : undefined
}
