import { nameOf } from "./inner-commands.ts"
import type { SimpleCommand } from "./simple-commands.ts"

/** What a shell command does to a lab, as far as its text tells. */
export type CommandClass = "read" | "change" | "destroy"

/** Of no classes: `read`. */
export function worst(classes: readonly CommandClass[]): CommandClass {
  if (classes.includes("destroy")) return "destroy"
  return classes.includes("change") ? "change" : "read"
}

/** What one program does by itself. One that `runs` another is judged by that one. */
export function ownClass({ words, writes }: SimpleCommand, runs: boolean): CommandClass {
  const written: CommandClass = writes.every(isDevice) ? "read" : "change"
  const [program = "", ...rest] = words
  const name = nameOf(program)
  const byWords = BY_WORDS.get(name)
  if (words.length === 0 || (runs && byWords === undefined)) return written
  if (/^--(version|help)$/.test(rest.join(" "))) return written
  if (byWords) return worst([written, byWords(rest)])
  if (DESTROYERS.test(name)) return "destroy"
  return READERS.has(name) ? written : "change"
}

// internal

const READERS = new Set(
  `[ [[ : alias arch base64 basename break cat cd cksum cmp column comm command continue cut declare df diff dig dir dirname du
   echo egrep env exit export expr false fgrep file free getconf getent getopts grep groups hash head hexdump hexyl host id jobs join
   jq last ldd less let local logname ls lsblk lscpu lsmod lsof man mapfile md5sum more netstat nl nproc nslookup od paste pgrep
   pidof ping pmap popd printenv printf ps pstree pushd pwd read readarray readlink readonly realpath return rev rg seq set
   sha1sum sha256sum shift shopt sleep ss stat strings sync tac tail test top tr traceroute trap tree true tty type typeset
   ulimit umask uname uniq unset uptime users vmstat w wait wc whereis which who whoami xargs xmllint xxd zcat zgrep`.split(
    /\s+/,
  ),
)

const DESTROYERS = /^(fdisk|mkfs.*|rm|rmdir|shred|truncate|unlink|wipefs)$/

/** Programs whose words decide. */
const BY_WORDS = new Map<string, (words: string[]) => CommandClass>([
  ["awk", awk],
  ["gawk", awk],
  ["mawk", awk],
  ["curl", curl],
  ["date", (words) => changeIf(words, /^(-s|--set)/)],
  ["dd", (words) => (words.some((word) => /^of=/.test(word) && !isDevice(word.slice(3))) ? "destroy" : "read")],
  ["dmesg", (words) => changeIf(words, /^(-\w*[cC]|--(read-)?clear)/)],
  ["docker", (words) => subcommand(words, DOCKER)],
  ["etcdctl", (words) => subcommand(words, /^(get|version|(member|alarm|user|role) list|endpoint \w+)/)],
  ["find", (words) => (words.includes("-delete") ? "destroy" : changeIf(words, /^-f(print|ls)/))],
  ["fuser", (words) => (words.some((word) => /^-\w*k/.test(word)) ? "destroy" : "read")],
  ["git", (words) => subcommand(words, /^(blame|diff|log|show|status)\b/)],
  ["hostname", (words) => changeIf(words, /^[^-]/)],
  ["ip", (words) => changeIf(words, /^(add|append|change|del|delete|exec|flush|replace|set)$/)],
  ["journalctl", (words) => changeIf(words, /^--(flush|rotate|sync|vacuum)/)],
  ["kill", signals],
  ["killall", signals],
  ["pkill", signals],
  ["python", (words) => changeUnless(words, /^-m json\.tool( [^ ]+)?$/)],
  ["python3", (words) => changeUnless(words, /^-m json\.tool( [^ ]+)?$/)],
  ["ratelimiter", (words) => subcommand(words, /^(drift|ghost|help|status)\b/)],
  ["sed", (words) => changeIf(words, /^(-[a-zA-Z]*i|--in-place)/)],
  ["sort", (words) => changeIf(words, /^(-\w*o|--output)/)],
  ["sqlite3", sqlite],
  ["sysctl", (words) => changeIf(words, /^-\w*[wp]|--(write|load|system)|=/)],
  ["systemctl", (words) => subcommand(words, /^(cat|is-\w+|list-\w+|show|status)\b/)],
  ["tee", (words) => (words.every((word) => word.startsWith("-") || isDevice(word)) ? "read" : "change")],
  ["wget", wget],
])

/** `exec` is judged by what it runs. */
const DOCKER =
  /^(diff|events|exec|images|info|inspect|logs|port|ps|stats|top|version|compose (config|images|logs|ls|ps|top)|(container|image|network|volume) (inspect|ls))\b/

function isDevice(file: string): boolean {
  return /^\/dev\/(null|stdout|stderr|tty|fd\/\d+)$/.test(file)
}

function changeIf(words: string[], pattern: RegExp): CommandClass {
  return words.some((word) => pattern.test(word)) ? "change" : "read"
}

function changeUnless(words: string[], pattern: RegExp): CommandClass {
  return pattern.test(words.join(" ")) ? "read" : "change"
}

/** The first words that are no flags name what is done. */
function subcommand(words: string[], reading: RegExp): CommandClass {
  return changeUnless(
    words.filter((word) => !word.startsWith("-")),
    reading,
  )
}

/** A script that only prints. `print > file`, `print | "program"` and `system()` do more. */
function awk(words: string[]): CommandClass {
  return changeIf(words, /\bsystem\s*\(|\bprintf?\b[^;}\n]*((?<!")>|(?<!")\|&?\s*")|^inplace$/)
}

/** Signal 0 asks whether a process is there; CONT and STOP thaw and freeze it; the others end it. */
function signals(words: string[]): CommandClass {
  if (/^-(l|L|-list|-table)\b/.test(words[0] ?? "")) return "read"
  const signal = /(?:^|\s)(?:-|-s\s*|-n\s*|--signal[= ])(?:SIG)?(0|CONT|STOP|18|19)(?:\s|$)/i.exec(words.join(" "))?.[1]
  if (signal === undefined) return "destroy"
  return signal === "0" ? "read" : "change"
}

/** A request that asks, and an answer that goes nowhere but to the terminal. */
function curl(words: string[]): CommandClass {
  let [method, sends, asGet] = ["", false, false]
  for (const [flag, value = ""] of flags(words, "AbcCdDeEFhHKmoPQrtTuUwxXyYz")) {
    if (/^(-X|--request)$/.test(flag)) method = value
    if (/^(-d|-F|--data.*|--form.*|--json)$/.test(flag)) sends = true
    if (/^(-G|--get)$/.test(flag)) asGet = true
    if (/^(-T|--upload-file|-O|--remote-name.*|-K|--config|-Q|--quote)$/.test(flag)) return "change"
    const toFile = /^(-o|--output|-D|--dump-header|-c|--cookie-jar|--stderr|--trace.*)$/.test(flag)
    if (toFile && value !== "-" && !isDevice(value)) return "change"
  }
  if (method !== "") return /^(GET|HEAD|OPTIONS)$/i.test(method) ? "read" : "change"
  return sends && !asGet ? "change" : "read"
}

function wget(words: string[]): CommandClass {
  const given = [...flags(words, "aeOoPQtTUw")]
  if (given.some(([flag]) => /^--(post|body|method)/.test(flag))) return "change"
  const toFile = given.find(([flag]) => flag === "-O" || flag === "--output-document")?.[1]
  const nowhere = toFile === "-" || (toFile !== undefined && isDevice(toFile))
  return nowhere || given.some(([flag]) => flag === "--spider") ? "read" : "change"
}

/** Opened for reading alone, or given nothing but questions. */
function sqlite(words: string[]): CommandClass {
  if (words.some((word) => /^--?readonly$/.test(word))) return "read"
  const [, ...statements] = words.filter((word) => !word.startsWith("-"))
  const asked = statements.flatMap((text) => text.split(";")).filter((text) => text.trim() !== "")
  const asks = asked.every((text) => /^\s*(select|explain|\.(dump|headers|mode|schema|tables)\b)/i.test(text))
  return asked.length > 0 && asks ? "read" : "change"
}

/** Flags with their values: `-X POST`, `-XPOST`, `-sXPOST`, `--request POST`, `--request=POST`. */
function* flags(words: string[], valued: string): Generator<[flag: string, value: string | undefined]> {
  for (const [index, word] of words.entries()) {
    const [long, value] = word.split(/=(.*)/s)
    if (word.startsWith("--")) yield [long!, value ?? words[index + 1]]
    else if (word.startsWith("-")) yield* cluster(word.slice(1), valued, words[index + 1])
  }
}

function* cluster(letters: string, valued: string, next: string | undefined): Generator<[string, string | undefined]> {
  for (const [index, letter] of [...letters].entries()) {
    const takesValue = valued.includes(letter)
    yield [`-${letter}`, takesValue ? letters.slice(index + 1) || next : undefined]
    if (takesValue) return
  }
}
