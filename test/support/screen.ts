/** What a terminal shows: text, colours, the cursor's moves up, erasing, and lines that are broken at its width. */
export interface Screen {
  write(output: string): void
  /** Makes it narrower or wider. Lines that it had broken are joined, and broken anew, as most terminals do. */
  resize(width: number): void
  /** All rows from the first to the cursor's, those that were scrolled away included. */
  rows(): string[]
}

/** An empty screen. It has no height: nothing that is to be tested moves further up than it drew. */
export function screen(width: number): Screen {
  let rows: Row[] = [{ text: "", continues: false }]
  let [row, column] = [0, 0]
  let pending = ""

  const down = (continues: boolean) => {
    row += 1
    column = 0
    if (rows.length === row) rows.push({ text: "", continues })
    rows[row]!.continues = continues
  }
  const put = (character: string) => {
    if (column >= width) down(true)
    const { text } = rows[row]!
    rows[row]!.text = text.slice(0, column).padEnd(column) + character + text.slice(column + 1)
    column += 1
  }
  const control = (parameter: string, kind: string) => {
    if (kind === "A") row = Math.max(0, row - Number(parameter || 1))
    else if (kind === "K") rows[row]!.text = parameter === "2" ? "" : rows[row]!.text.slice(0, column)
    else if (kind === "J") {
      rows = rows.slice(0, row + 1)
      rows[row]!.text = rows[row]!.text.slice(0, column)
    } else if (kind !== "m") throw new Error(`this screen knows no control sequence ${kind}`)
  }
  return {
    write: (output) => {
      const text = pending + output
      const parts = text.match(/\x1b\[\d*(?:;\d+)*[A-Za-z]|\x1b[^A-Za-z]*$|[^]/g) ?? []
      pending = ""
      for (const part of parts) {
        const sequence = /^\x1b\[([\d;]*)([A-Za-z])$/.exec(part)
        if (sequence) control(sequence[1]!, sequence[2]!)
        else if (part.startsWith("\x1b")) pending = part
        else if (part === "\n") down(false)
        else if (part === "\r") column = 0
        else put(part)
      }
    },
    resize: (to) => {
      const lines: string[] = []
      for (const { text, continues } of rows.slice(0, row)) {
        if (continues) lines.push((lines.pop() ?? "") + text)
        else lines.push(text)
      }
      const broken = lines.flatMap((line) => breakAt(line, to))
      rows = [...broken, ...rows.slice(row)]
      row = broken.length
      width = to
    },
    rows: () => rows.slice(0, row + 1).map(({ text }) => text.trimEnd()),
  }
}

// internal

interface Row {
  text: string
  /** It is the rest of the row above. */
  continues: boolean
}

function breakAt(line: string, width: number): Row[] {
  const count = Math.max(1, Math.ceil(line.length / width))
  return Array.from({ length: count }, (_, i) => ({ text: line.slice(i * width, (i + 1) * width), continues: i > 0 }))
}
