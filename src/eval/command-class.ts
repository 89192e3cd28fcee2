/** What a shell command does to a lab, as far as its text tells. */
export type CommandClass = "read" | "change" | "destroy"

/**
 * The class of the worst part of a command line. What is not known to be harmless counts as a change: a repair must never
 * pass for healing by itself because the command that did it was not understood.
 */
export function classOf(command: string): CommandClass {
  const classes = simpleCommands(command).map(classOfSimple)
  if (classes.includes("destroy")) return "destroy"
  return classes.includes("change") ? "change" : "read"
}

// internal

const READERS = new Set(
  `[ awk basename cat cd column command comm cut date df diff dig dirname du echo env false fgrep find free getent grep egrep
   head hexdump host hostname id jq ldd less ls lsof md5sum more netstat nl nproc od pgrep pidof ping printf ps pstree pwd
   readlink realpath sha256sum sleep sort ss stat strings tail test time timeout tr true type uname uniq uptime vmstat w wc
   which whoami xxd : export set for while until if then else elif fi do done case esac in read local return`.split(
    /\s+/,
  ),
)

const DESTROYERS = new Set("dd fdisk kill killall mkfs pkill rm rmdir shred truncate unlink wipefs".split(" "))

/** Programs that read or write by their next word or their flags. */
const BY_ARGUMENTS: Record<string, (words: string[]) => CommandClass> = {
  curl: (words) =>
    words.some((word) => /^(-X|-d|-T|-F|-o|-O|--request|--data.*|--json|--upload-file|--form|--output)/.test(word))
      ? "change"
      : "read",
  docker: (words) =>
    /^(ps|inspect|logs|stats|events|top|port|version|info|diff|images)$/.test(words[1] ?? "") ? "read" : "change",
  sed: (words) => (words.some((word) => /^(-i|--in-place)/.test(word)) ? "change" : "read"),
  find: (words) => (words.some((word) => /^-(delete|exec|execdir|ok|fprint)/.test(word)) ? "change" : "read"),
  ratelimiter: (words) => (/^(status|drift|ghost|--help|help)$/.test(words[1] ?? "") ? "read" : "change"),
  kill: (words) => (words.includes("-0") ? "read" : /^-(CONT|SIGCONT|18)$/.test(words[1] ?? "") ? "change" : "destroy"),
}

function classOfSimple(text: string): CommandClass {
  const words = text.split(/\s+/).filter((word) => word !== "" && !/^\w+=/.test(word) && !/^[!({})]+$/.test(word))
  const program = words[0]?.replace(/^.*\//, "").replace(/^["']|["']$/g, "")
  if (!program) return "read"
  if (/(^|[^<>&\d])>>?\s*(?!\/dev\/null|&)/.test(withoutQuotes(text))) return "change"
  const byArguments = BY_ARGUMENTS[program]
  if (byArguments) return byArguments(words)
  if (DESTROYERS.has(program)) return "destroy"
  return READERS.has(program) ? "read" : "change"
}

/** The simple commands of a command line, those inside `$(…)` included. Separators inside quotes do not separate. */
function simpleCommands(command: string): string[] {
  const inner = [...command.matchAll(/\$\(([^()]*)\)|`([^`]*)`/g)].map((match) => match[1] ?? match[2] ?? "")
  const parts: string[] = []
  let [current, quote] = ["", ""]
  for (const character of command.replace(/#[^\n]*$/gm, "")) {
    if (quote !== "") quote = character === quote ? "" : quote
    else if (character === "'" || character === '"') quote = character
    if (quote === "" && ";|&\n".includes(character) && !/[<>]$/.test(current)) {
      parts.push(current)
      current = ""
    } else current += character
  }
  return [...parts, current, ...inner.flatMap(simpleCommands)].map((part) =>
    part.trim().replace(/^(then|do|else|if|while|until)\s+/, ""),
  )
}

function withoutQuotes(text: string): string {
  return text.replace(/"[^"]*"|'[^']*'/g, "")
}
