/** The text in one line, with one blank wherever it had blanks or ends of lines. */
export function squeezed(text: string): string {
  return text.trim().replace(/\s+/g, " ")
}

/** The beginning of a text that is longer than `max_chars`, and a sign that there was more. */
export function clipped(text: string, max_chars: number): string {
  return text.length <= max_chars ? text : `${text.slice(0, max_chars)}…`
}
