/** The text in one line, with one blank wherever it had blanks or ends of lines. */
export function squeezed(text: string): string {
  return text.trim().replace(/\s+/g, " ")
}

/** The beginning of a text that is longer than `max_chars`, and a sign that there was more. */
export function clipped(text: string, max_chars: number): string {
  return text.length <= max_chars ? text : `${text.slice(0, max_chars)}…`
}

/** The text in lines of at most `width` cells, broken between words; a longer word has a line of its own. Blanks between words stay. */
export function wrapped(text: string, width: number): string[] {
  const lines = [""]
  for (const [, blanks = "", word = ""] of text.matchAll(/(\s*)(\S+)/g)) {
    const line = lines.at(-1)!
    if (line !== "" && Bun.stringWidth(line + blanks + word) > width) lines.push(word)
    else lines[lines.length - 1] = line === "" ? word : line + blanks + word
  }
  return lines
}
