/** What a program runs that is named by its own words: as words again, or as a shell text. */
export type InnerCommand = string[] | string

/** The commands that `sudo`, `xargs`, `sh -c`, `find -exec` and their like are given. None, when the program runs no other. */
export function innerCommands(words: readonly string[]): InnerCommand[] {
  const [program = "", ...rest] = words
  return KNOWN.get(nameOf(program))?.(rest) ?? []
}

/** A program's name without its folder. */
export function nameOf(program: string): string {
  return program.slice(program.lastIndexOf("/") + 1)
}

// internal

/** Programs that run their last words, with the short flags that take a word, and how many words stand before the command. */
const WRAPPERS: [program: string, flags: string, before?: number][] = [
  ["builtin", ""],
  ["busybox", ""],
  ["doas", "u"],
  ["env", "uC"],
  ["exec", "a"],
  ["flock", "wE", 1],
  ["ionice", "cn"],
  ["nice", "n"],
  ["nohup", ""],
  ["setsid", ""],
  ["stdbuf", "ioe"],
  ["sudo", "ughpCDRTU"],
  ["time", "fo"],
  ["timeout", "ks", 1],
  ["unbuffer", ""],
  ["xargs", "InPLdEsa"],
]

const KNOWN = new Map<string, (rest: string[]) => InnerCommand[]>([
  ...WRAPPERS.map(
    ([program, flags, before]) => [program, (rest: string[]) => [afterFlags(rest, flags, before)]] as const,
  ),
  ...["sh", "bash", "dash", "ash", "zsh", "ksh", "su"].map((shell) => [shell, script] as const),
  ["command", (rest) => (/^-\w*[vV]/.test(rest[0] ?? "") ? [] : [afterFlags(rest, "")])],
  ["docker", (rest) => (rest[0] === "exec" ? [afterFlags(rest.slice(1), "eguw", 1)] : [])],
  ["eval", (rest) => [rest.join(" ")]],
  ["find", executed],
  ["trap", (rest) => rest.slice(0, 1).filter((action) => !action.startsWith("-"))],
  ["watch", (rest) => [afterFlags(rest, "nq").join(" ")]],
])

/** What is left when flags, their words, assignments and `before` more words are gone. */
function afterFlags(words: string[], flags: string, before = 0): string[] {
  let at = 0
  while (/^-|^\w+=/.test(words[at] ?? "")) {
    const takesWord = /^-\w+$/.test(words[at]!) && flags.includes(words[at]!.at(-1)!)
    at += takesWord ? 2 : 1
  }
  return words.slice(at + before)
}

/** The text of `sh -c TEXT`. A shell that reads a file or its input runs what cannot be seen here. */
function script(words: string[]): InnerCommand[] {
  const flag = words.findIndex((word) => /^-\w*c$/.test(word))
  return flag < 0 ? [] : words.slice(flag + 1, flag + 2)
}

/** From each `-exec` of `find` to its `;` or `+`. */
function executed(words: string[]): InnerCommand[] {
  return words.flatMap((word, at) => {
    if (!/^-(exec|ok)(dir)?$/.test(word)) return []
    const rest = words.slice(at + 1)
    const end = rest.findIndex((one) => one === ";" || one === "+")
    return [end < 0 ? rest : rest.slice(0, end)]
  })
}
