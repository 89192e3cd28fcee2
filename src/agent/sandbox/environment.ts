type Variables = Record<string, string | undefined>

/**
 * The environment of the agent's commands: what a shell needs of the harness's own, then settings under which programs
 * don't ask, page or colour, then what the caller gives, as it is. Nothing else of the harness gets through.
 */
export function childEnvironment(own: Variables, given: Record<string, string>): Record<string, string> {
  const passed = Object.entries(own).filter((entry): entry is [string, string] => {
    return PASSED_ON.test(entry[0]) && entry[1] !== undefined
  })
  return { ...Object.fromEntries(passed), ...UNATTENDED, ...given }
}

/** The values of variables that are called like credentials: what must never be read in an output. */
export function credentialsIn(own: Variables): string[] {
  return Object.entries(own).flatMap(([name, value]) =>
    CREDENTIAL.test(name) && value !== undefined ? [value.trim()] : [],
  )
}

// internal

const PASSED_ON = /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|TMPDIR|USER|LOGNAME|SHELL)$/

/** By its name alone; AWS_REGION and ANTHROPIC_BASE_URL hold nothing secret. */
const CREDENTIAL = /TOKEN|KEY|SECRET|PASSW|CREDENTIAL/i

const UNATTENDED = {
  CI: "1",
  DEBIAN_FRONTEND: "noninteractive",
  GIT_PAGER: "cat",
  GIT_TERMINAL_PROMPT: "0",
  LESS: "-R",
  MANPAGER: "cat",
  PAGER: "cat",
  SYSTEMD_PAGER: "",
  TERM: "dumb",
}
