/** Data goes to stdout, everything else to stderr. What comes out of a lab never reaches a terminal as it is. */

type Stream = Pick<NodeJS.WriteStream, "isTTY" | "columns" | "write">

/** Data for people, and a line's end. May hold colours; a terminal sees any other control character in visible form. */
export function print(text: string): void {
  writeLine(process.stdout, text)
}

/** What isn't data: progress, warnings, what to do next. Treated as by `print`. */
export function note(text: string): void {
  writeLine(process.stderr, text)
}

/** A sentence on lines that fit a terminal; on one line where there is none. */
export function wrapped(text: string, stream: Pick<Stream, "isTTY" | "columns">): string {
  return stream.isTTY && stream.columns ? Bun.wrapAnsi(text, stream.columns) : text
}

/** Data for programs: indented JSON. Control characters are escaped, so that it is safe on a terminal too. */
export function printJson(value: unknown): void {
  const json = JSON.stringify(value, null, 2) ?? "null"
  process.stdout.write(`${json.replace(UNSAFE, (character) => `\\u${hex(character, 4)}`)}\n`)
}

/**
 * The text with each control character in visible form (`\x1b`), so that a log or a command's output can't drive the
 * terminal. Line feeds and tabs stay. So do letters of every script, but not the marks that reverse their direction.
 */
export function safeText(text: string): string {
  return text.toWellFormed().replaceAll("\r\n", "\n").replace(UNSAFE, visible)
}

/** `safeText` on a single line. */
export function oneLine(text: string): string {
  return safeText(text).replaceAll("\n", "\\n").replaceAll("\t", " ")
}

export type Paint = Record<keyof typeof STYLES, (text: string) => string>

/** Colours for one stream: none when it isn't a terminal, with NO_COLOR (no-color.org) or on a dumb terminal. */
export function paint(stream: Pick<Stream, "isTTY">): Paint {
  const on = stream.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb"
  const style = ([start, end]: readonly [number, number]) =>
    on ? (text: string) => `\x1b[${start}m${text}\x1b[${end}m` : (text: string) => text
  return {
    bold: style(STYLES.bold),
    dim: style(STYLES.dim),
    red: style(STYLES.red),
    green: style(STYLES.green),
    yellow: style(STYLES.yellow),
    cyan: style(STYLES.cyan),
  }
}

/** The time of day in UTC, "20:54:48.123", of an ISO time in the store. */
export function showTime(at: string): string {
  return new Date(at).toISOString().slice(11, 23)
}

/** The same to the second, for what lasts longer. */
export function showTimeOfDay(at: string): string {
  return showTime(at).slice(0, 8)
}

/** How long ago an ISO time was, in its greatest unit: "12 s ago", "3 h ago". */
export function ago(at: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(at)) / 1_000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}

// internal

/** Control characters but for line feed and tab, line separators, and the marks that change a text's direction. */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** How a terminal is told to begin and to end a style (ECMA-48, "select graphic rendition"). */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const

function writeLine(stream: Stream, text: string): void {
  // Splitting by a captured colour leaves the colours at the odd places.
  const safe = (part: string, i: number) => (i % 2 === 1 ? part : safeText(part))
  const shown = stream.isTTY
    ? text
        .split(/(\x1b\[[\d;]*m)/)
        .map(safe)
        .join("")
    : text
  stream.write(`${shown}\n`)
}

function visible(character: string): string {
  if (character === "\r") return "\\r"
  return character < "\u0100" ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0")
}
