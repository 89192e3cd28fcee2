import { type Adopted, adoptProject, releaseLab } from "../lab/adopt.ts"
import { findSubject } from "../lab/parse-subject.ts"
import { requirePlatform } from "../lab/raise.ts"
import { defineCommand } from "../lib/command.ts"
import { UsageError } from "../lib/errors.ts"
import { note, print, printJson } from "../lib/output.ts"
import { adoptedLab } from "../store/adopted.ts"
import { openExistingStore, openStore, type Store, storeFile } from "../store/open.ts"
import { sweepAtStart } from "./sweep-at-start.ts"
import { whichLab } from "./which-lab.ts"

export default defineCommand({
  about:
    "Makes a lab of a Compose project that somebody else runs: monitors and agents work on it as on any other; it is never broken on purpose, loaded or taken down. Nothing of it is changed.",
  examples: [
    "operator adopt shop --subject ./shop.yaml",
    "operator adopt shop --subject shop --json",
    "operator adopt --release shop-7f3a",
  ],
  args: {
    project: { type: "positional", required: false, description: "a Compose project; docker compose ls shows them" },
    subject: {
      type: "string",
      complete: "subject",
      description: "a subject's name or its Compose file: which services are watched, and how",
    },
    release: {
      type: "string",
      valueHint: "LAB",
      complete: "lab",
      description: "let go of an adopted lab, or of a project: it goes on as it is",
    },
  },
  run: async ({ args }) => {
    if (args.release !== undefined) {
      if (args.project !== undefined || args.subject !== undefined) {
        throw new UsageError("--release stands alone", { hint: `operator adopt --release ${args.release}` })
      }
      return release(openExistingStore(storeFile(args.db)), args.release, args.json === true)
    }
    if (args.project === undefined) throw new UsageError("name a Compose project", { hint: USE })
    if (args.subject === undefined) {
      throw new UsageError(`say by --subject how ${args.project} is watched`, { hint: USE })
    }
    const subject = await findSubject(args.subject)
    await requirePlatform("docker")
    const store = openStore(storeFile(args.db))
    await sweepAtStart(store)
    const adopted = await adoptProject(store, subject, args.project)
    await show(adopted, args.json === true)
    store.close()
  },
})

// internal

const USE = "operator adopt PROJECT --subject SUBJECT; docker compose ls shows projects"

async function show({ lab, project, unwatched, again }: Adopted, json: boolean): Promise<void> {
  const seen = await lab.nodes()
  const nodes = seen.map(({ name, service, state }) => ({ name, state, url: lab.render(`{url:${service}}`) }))
  const closed = project.members.flatMap(({ name, way_out }) => (way_out === undefined ? [] : [{ name, way_out }]))
  const { id, platform, dir, subject } = lab
  if (json) {
    return printJson({
      ...{ lab: id, project: project.name, subject: subject.name, platform, dir, again, nodes },
      ...{ unwatched, closed: closed.map(({ name, way_out }) => ({ node: name, reason: way_out })) },
    })
  }
  print(id)
  if (again) note(`${project.name} was adopted before`)
  note(nodes.map(({ name, state }) => (state === "running" ? name : `${name} (${state})`)).join(" "))
  if (unwatched.length > 0) note(`not watched, since ${subject.file} does not name them: ${unwatched.join(", ")}`)
  for (const { name, way_out } of closed) {
    note(`${name} ${way_out}: an agent can look at it and restart it, and gets no shell in it`)
  }
  note(`watch it: operator monitor ${id}   be on call: operator agent ${id}   let go: operator adopt --release ${id}`)
}

async function release(store: Store, word: string, json: boolean): Promise<void> {
  const row = adoptedLab(store, word) ?? whichLab(store, word)
  const { left, gone } = await releaseLab(store, row)
  store.close()
  if (json) return printJson({ lab: row.id, project: row.adopted, gone, left })
  print(row.id)
  note(gone ? `the project ${row.adopted} is gone` : `the project ${row.adopted} goes on as it is`)
  if (left.length > 0) note(`no instance of a service, and perhaps an agent's: docker rm --force ${left.join(" ")}`)
}
