/**
 * The lines of a text that comes in parts, as they come, without those that are blank. Of a line that is longer than `max_chars` each
 * part is given as one, so that a stream without an end of line fills no memory.
 */
export async function* linesOf(
  parts: AsyncIterable<Uint8Array>,
  { max_chars }: { max_chars: number },
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const part of parts) {
    const lines = (rest + decoder.decode(part, { stream: true })).split(/\r?\n|\r/)
    rest = (lines.at(-1) ?? "").length > max_chars ? "" : (lines.pop() ?? "")
    yield* lines.filter(isSaid)
  }
  if (isSaid(rest)) yield rest
}

// internal

const isSaid = (line: string) => line.trim() !== ""
