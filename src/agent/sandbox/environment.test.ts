import { expect, test } from "bun:test"
import { childEnvironment, credentialsIn } from "./environment.ts"

test("only what a shell needs is passed on, and programs are told not to ask, page or colour", () => {
  const own = {
    PATH: "/bin",
    HOME: "/root",
    LANG: "C.UTF-8",
    LC_ALL: "C",
    TZ: "UTC",
    TERM: "xterm-256color",
    ANTHROPIC_API_KEY: "sk-ant-0123456789",
    AWS_REGION: "eu-west-1",
    GITHUB_TOKEN: "ghp_0123456789",
    BUN_OPTIONS: "--preload x",
    BUN_BE_BUN: "1",
    BASH_ENV: "/tmp/evil",
    USER: undefined,
  }
  expect(childEnvironment(own, {})).toEqual({
    PATH: "/bin",
    HOME: "/root",
    LANG: "C.UTF-8",
    LC_ALL: "C",
    TZ: "UTC",
    PAGER: "cat",
    MANPAGER: "cat",
    GIT_PAGER: "cat",
    SYSTEMD_PAGER: "",
    LESS: "-R",
    TERM: "dumb",
    CI: "1",
    DEBIAN_FRONTEND: "noninteractive",
    GIT_TERMINAL_PROMPT: "0",
  })
})

test("what the caller gives is taken as it is", () => {
  const environment = childEnvironment(
    { PATH: "/bin", DB_PASSWORD: "ours" },
    { PATH: "/opt", DB_PASSWORD: "given", TERM: "vt100" },
  )
  expect(environment).toMatchObject({ PATH: "/opt", DB_PASSWORD: "given", TERM: "vt100" })
})

test("credentials are known by their names", () => {
  const own = {
    ANTHROPIC_API_KEY: "a",
    ANTHROPIC_AUTH_TOKEN: "b",
    AWS_SECRET_ACCESS_KEY: "c",
    db_password: "d",
    ANTHROPIC_BASE_URL: "https://api.example",
    AWS_REGION: "eu-west-1",
    PATH: "/bin",
  }
  expect(credentialsIn(own)).toEqual(["a", "b", "c", "d"])
})
