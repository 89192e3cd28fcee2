/**
 * What the shell's grammar says of single parts. Those that hold other text are quotes, brackets and expansions: an `endOf…`
 * is given the place of the first character and returns the place after the last one; what is never closed ends with the text.
 */

/** One character, or the whole part that begins with it. */
export function endOfPart(text: string, place: number): number {
  switch (text[place]) {
    case "\\":
      return Math.min(place + 2, text.length)
    case "'":
      return endOfQuotes(text, place, "")
    case '"':
      return endOfDoubleQuotes(text, place)
    case "$":
      return text[place + 1] === "'" ? endOfQuotes(text, place + 1, "\\") : endOfExpansion(text, place)
    case "`":
      return endOfExpansion(text, place)
    default:
      return place + 1
  }
}

/** `$(…)`, `$((…))`, `${…}` or `` `…` ``; of any other `$`, the place after it. */
export function endOfExpansion(text: string, place: number): number {
  if (text[place] === "`") return endOfQuotes(text, place, "\\")
  const bracket = text[place + 1]
  return bracket === "(" || bracket === "{" ? endOfBrackets(text, place + 1) : place + 1
}

/** `(…)` or `{…}`, with whatever is inside. */
export function endOfBrackets(text: string, place: number): number {
  const open = text[place]
  const close = open === "(" ? ")" : "}"
  let at = place + 1
  for (let depth = 1; at < text.length;) {
    if (text[at] === close) depth -= 1
    if (text[at] === open) depth += 1
    at = endOfPart(text, at)
    if (depth === 0) return at
  }
  return text.length
}

/** A word as its program gets it, but for the expansions. */
export function withoutQuotes(word: string): string {
  return word.replace(QUOTED, (_, single, double, escaped) => {
    if (escaped !== undefined) return escaped === "\n" ? "" : escaped
    return single ?? double.replace(/\\\n/g, "").replace(/\\([$`"\\])/g, "$1")
  })
}

/** A command's own words: without keywords and assignments before them. */
export function withoutPrefix(words: string[]): string[] {
  const first = words.findIndex((word) => !KEYWORDS.has(word) && !ASSIGNMENT.test(word))
  return first < 0 || HEADS.has(words[first]!) ? [] : words.slice(first)
}

// internal

/** Words of the shell that stand before a command or in its place. */
const KEYWORDS = new Set("if then elif else fi while until do done esac { } ! coproc".split(" "))
/** What follows these up to the end of the line is data. */
const HEADS = new Set(["for", "select", "case"])
const ASSIGNMENT = /^\w+(?:\[[^\]]*\])?\+?=/
const QUOTED = /\$?'([^']*)'|"((?:\\[^]|[^"\\])*)"|\\([^])/g

/** Up to the same character again, unless `escape` stands before it. */
function endOfQuotes(text: string, place: number, escape: string): number {
  for (let at = place + 1; at < text.length; at++) {
    if (text[at] === text[place]) return at + 1
    if (text[at] === escape) at += 1
  }
  return text.length
}

function endOfDoubleQuotes(text: string, place: number): number {
  let at = place + 1
  while (at < text.length && text[at] !== '"') {
    if (text[at] === "\\") at += 2
    else at = /[$`]/.test(text[at]!) ? endOfExpansion(text, at) : at + 1
  }
  return Math.min(at + 1, text.length)
}
