import { endOfBrackets, endOfExpansion, endOfPart, withoutPrefix, withoutQuotes } from "./shell-grammar.ts"

/** One program that a shell text calls: its words, less quotes, keywords and assignments, and the files that its output goes to. */
export interface SimpleCommand {
  words: string[]
  writes: string[]
}

/**
 * Takes a shell text apart without expanding anything (POSIX.1-2024, Shell Command Language, and what bash adds): the
 * commands of pipelines, subshells, function bodies, `$(…)`, backticks and `<(…)` alike. An expansion stays in its word as
 * it was written. A call of a function has no words, since its body is there. For telling what a text may do, not for running it.
 */
export function simpleCommands(text: string): SimpleCommand[] {
  const found: Found = { commands: [], functions: new Set() }
  new Scan(text, found).commands()
  return found.commands.map((command) =>
    found.functions.has(command.words[0] ?? "") ? { ...command, words: [] } : command,
  )
}

// internal

interface Found {
  commands: SimpleCommand[]
  /** Names that are defined as functions. */
  functions: Set<string>
}

const LINE = /[^\n]*/y
const ARITHMETIC = /^\(\([^]*\)\)$/
const DELIMITER = /[\s;&|()<>]/
const REDIRECTION = /<<<|<<-?|<>|<&|&>>?|>>|>&|>\||<|>/y
const WRITES = /^(?:<>|&>>?|>>|>&|>\||>)$/
/** After `>&` or `<&`: a name for what is open already (`2>&1`, `>&2`, `2>&-`), and no file. */
const OPEN_ALREADY = /\s*(?:\d+-?|-)(?=[\s;&|()<>]|$)/y

/** One pass over a text; what its expansions hold is passed over in the same way. All that is found goes to one place. */
class Scan {
  readonly #text: string
  readonly #found: Found
  #place = 0
  #command: SimpleCommand = { words: [], writes: [] }
  /** The operator whose file is the next word. */
  #redirection: string | undefined
  /** Here-documents that begin after this line. */
  #documents: { end: string; literal: boolean }[] = []
  /** Between `[[` and `]]`, where `<`, `&&` and brackets compare and join. */
  #testing = false
  #subshells = 0
  #cases = 0

  constructor(text: string, found: Found) {
    this.#text = text
    this.#found = found
  }

  commands(): void {
    while (this.#place < this.#text.length) this.#next()
    this.#endCommand()
  }

  /** Only what is expanded: in a word, or where quotes are letters, as in a here-document. */
  expansions(quotes: "quote" | "are letters"): void {
    while (this.#place < this.#text.length) {
      const character = this.#text[this.#place]!
      if (quotes === "quote" && this.#match(/\$?'/y)) this.#place = endOfPart(this.#text, this.#place)
      else if (quotes === "quote" && character === '"') this.#inside(1).expansions("are letters")
      else if (/[$`]/.test(character)) this.#expansion()
      else this.#place += character === "\\" ? 2 : 1
    }
  }

  #next(): void {
    const character = this.#text[this.#place]!
    const operator = this.#match(REDIRECTION)
    if (character === "\n") this.#newline()
    else if (/\s/.test(character)) this.#place += 1
    else if (character === "#") this.#place += this.#match(LINE)!.length
    else if (this.#match(/\\\n/y)) this.#place += 2
    else if (this.#match(/[<>]\(/y)) this.#pipe()
    else if (this.#testing && DELIMITER.test(character)) this.#place += 1
    else if (operator !== undefined) this.#redirect(operator)
    else if (character === "(") this.#open()
    else if (character === ")") this.#close()
    else if (DELIMITER.test(character)) this.#endCommand(1)
    else this.#word()
  }

  #word(): void {
    const start = this.#place
    while (this.#place < this.#text.length && !DELIMITER.test(this.#text[this.#place]!))
      this.#place = endOfPart(this.#text, this.#place)
    const raw = this.#text.slice(start, this.#place)
    new Scan(raw, this.#found).expansions("quote")
    const descriptor = /^\d+$/.test(raw) && /[<>]/.test(this.#text[this.#place] ?? "")
    if (!descriptor) this.#add(withoutQuotes(raw), raw)
  }

  #add(word: string, raw = word): void {
    const { words, writes } = this.#command
    const operator = this.#redirection
    this.#redirection = undefined
    if (raw === "[[") this.#testing ||= withoutPrefix(words).length === 0
    if (raw === "]]") this.#testing = false
    if (operator === undefined) words.push(word)
    else if (WRITES.test(operator)) writes.push(word)
    else if (/^<<-?$/.test(operator)) this.#documents.push({ end: word, literal: word !== raw })
  }

  #endCommand(skip = 0): void {
    const { words, writes } = this.#command
    this.#command = { words: [], writes: [] }
    this.#testing = false
    this.#place += skip
    if (words[0] === "function" && words[1] !== undefined) this.#found.functions.add(words.splice(0, 2)[1]!)
    this.#cases += Number(words[0] === "case") - Number(words[0] === "esac")
    const own = withoutPrefix(words)
    if (own.length + writes.length > 0) this.#found.commands.push({ words: own, writes })
  }

  #expansion(): void {
    const whole = this.#text.slice(this.#place, endOfExpansion(this.#text, this.#place))
    if (whole.startsWith("${") || ARITHMETIC.test(whole.slice(1))) this.#inside(2).expansions("are letters")
    else if (whole.startsWith("$(")) this.#inside(2).commands()
    else if (whole.startsWith("`")) this.#inside(1).commands()
    else this.#place += whole.length
  }

  /** Goes past the part that begins here; a scan of what it holds after its first `opening` characters. */
  #inside(opening: number): Scan {
    const start = this.#place
    this.#place = endOfPart(this.#text, start)
    const inside = this.#text.slice(start + opening, this.#place - 1)
    return new Scan(this.#text[start] === "`" ? inside.replace(/\\([\\$`])/g, "$1") : inside, this.#found)
  }

  /** `<(…)` or `>(…)`, which becomes the name of a pipe. */
  #pipe(): void {
    this.#place += 1
    const end = endOfBrackets(this.#text, this.#place)
    new Scan(this.#text.slice(this.#place + 1, end - 1), this.#found).commands()
    this.#place = end
    this.#add("/dev/fd/63")
  }

  #redirect(operator: string): void {
    this.#place += operator.length
    const open = operator.endsWith("&") ? this.#match(OPEN_ALREADY) : undefined
    if (open === undefined) this.#redirection = operator
    else this.#place += open.length
  }

  /** The end of a line, and the here-documents that follow it. */
  #newline(): void {
    this.#endCommand(1)
    for (const { end, literal } of this.#documents.splice(0)) {
      const start = this.#place
      let line: string | undefined
      while (line?.replace(/^\t+/, "") !== end && this.#place < this.#text.length) {
        line = this.#match(LINE)!
        this.#place += line.length + 1
      }
      if (!literal) new Scan(this.#text.slice(start, this.#place), this.#found).expansions("are letters")
    }
  }

  /** A function's `()`, arithmetic in `((…))`, or a subshell. */
  #open(): void {
    const { words } = this.#command
    const definition = words.length === 1 ? this.#match(/\(\s*\)/y) : undefined
    const end = endOfBrackets(this.#text, this.#place)
    const whole = this.#text.slice(this.#place, end)
    if (definition !== undefined) {
      this.#found.functions.add(words.pop()!)
      this.#place += definition.length
    } else if (ARITHMETIC.test(whole)) {
      new Scan(whole, this.#found).expansions("are letters")
      this.#place = end
    } else {
      this.#endCommand(1)
      this.#subshells += 1
    }
  }

  /** The end of a subshell, or of a pattern in a `case`. */
  #close(): void {
    if (this.#subshells > 0) this.#subshells -= 1
    else if (this.#cases > 0 && this.#command.words[0] !== "case") this.#command = { words: [], writes: [] }
    this.#endCommand(1)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#place
    return pattern.exec(this.#text)?.[0]
  }
}
