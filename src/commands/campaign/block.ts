export interface Size {
  width: number
  height: number
}

/** Lines at the end of a terminal that are drawn again and again, below those that stay. */
export interface Block {
  /** Puts a line above the block for good. */
  print(line: string): void
  /** Takes the block away. What was printed stays, and the cursor is below it. */
  close(): void
}

/** What a block needs of a stream that is a terminal. */
export interface Terminal {
  columns?: number
  rows?: number
  write(text: string): unknown
  on(event: "resize", listener: () => void): unknown
  off(event: "resize", listener: () => void): unknown
}

/**
 * Opens a block that shows what `draw` returns. It is drawn at most once in REDRAW_EVERY_MS, in one write, and only when it
 * changed. The cursor stays visible and below it, so that a process that is killed leaves the terminal as it was.
 */
export function openBlock(terminal: Terminal, draw: (size: Size) => string[]): Block {
  let shown: string[] = []
  let above: string[] = []
  let width = sizeOf(terminal).width
  const show = (lines: string[], size: Size) => {
    const resized = size.width !== width
    if (above.length === 0 && !resized && isSame(lines, shown)) return
    const rows = rowsOf(shown, size.width)
    const whole = resized || above.length > 0 || lines.length === 0
    terminal.write(frame(rows, above, lines, whole))
    ;[shown, above, width] = [lines, [], size.width]
  }
  const redraw = () => {
    const size = sizeOf(terminal)
    show(fitted(draw(size), size), size)
  }
  // Ctrl-Z: the shell writes where the block was, and the block is drawn below that when the process goes on.
  const suspend = () => {
    show([], sizeOf(terminal))
    process.kill(process.pid, "SIGSTOP")
  }
  const timer = setInterval(redraw, REDRAW_EVERY_MS)
  terminal.on("resize", redraw)
  process.on("SIGTSTP", suspend)
  return {
    print: (line) => void above.push(line),
    close: () => {
      clearInterval(timer)
      terminal.off("resize", redraw)
      process.off("SIGTSTP", suspend)
      show([], sizeOf(terminal))
    },
  }
}

/** Whether a block can be drawn here: on a terminal that moves its cursor when it is told to. */
export function canDraw(stream: { isTTY?: boolean }): boolean {
  return stream.isTTY === true && process.env.TERM !== "dumb"
}

// internal

/** Five times a second: what counts in seconds seems to move, and a slow line keeps up. */
const REDRAW_EVERY_MS = 200

/** Of a terminal that does not know its size. */
const USUAL_SIZE: Size = { width: 80, height: 24 }

const UP = "\x1b[A"
const ERASE_LINE = "\x1b[2K"
const ERASE_LINE_END = "\x1b[K"
const ERASE_BELOW = "\x1b[J"

function sizeOf({ columns, rows }: Terminal): Size {
  return { width: columns || USUAL_SIZE.width, height: rows || USUAL_SIZE.height }
}

/** The last column and the last row stay empty: terminals differ in what they do there. */
function fitted(lines: string[], { width, height }: Size): string[] {
  return lines.slice(0, Math.max(1, height - 1)).map((line) => Bun.sliceAnsi(line, 0, Math.max(1, width - 1)))
}

/** Rows that lines take in a terminal that has become narrower since, and broke them. */
function rowsOf(lines: readonly string[], width: number): number {
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(Bun.stringWidth(line) / width)), 0)
}

/**
 * From below the block that is shown to below the next one. Where everything moves, the old rows are erased one by one:
 * to erase the whole screen at once makes some terminals keep it in their history.
 */
function frame(rows: number, above: readonly string[], lines: readonly string[], whole: boolean): string {
  if (whole)
    return ["\r", `${UP}${ERASE_LINE}`.repeat(rows), ...[...above, ...lines].map((line) => `${line}\n`)].join("")
  return ["\r", UP.repeat(rows), ...lines.map((line) => `${line}${ERASE_LINE_END}\n`), ERASE_BELOW].join("")
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i])
}
