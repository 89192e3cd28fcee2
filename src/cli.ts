import type { Root } from "./lib/command.ts"
import { VERSION } from "./lib/version.ts"

// Every subcommand by name, with the line that `--help` prints. A module is imported when its command is called.
const root: Root = {
  name: "operator",
  about: "a laboratory for AI on-call",
  commands: {
    campaign: { about: "run trials and judge them", load: () => import("./commands/campaign.ts") },
    up: { about: "bring up a lab", load: () => import("./commands/up.ts") },
    adopt: { about: "watch a system that somebody else runs", load: () => import("./commands/adopt.ts") },
    down: { about: "take labs down", load: () => import("./commands/down.ts") },
    labs: { about: "show the labs that are up", load: () => import("./commands/labs.ts") },
    logs: { about: "show the logs of a lab's nodes", load: () => import("./commands/logs.ts") },
    exec: { about: "run a command inside a lab", load: () => import("./commands/exec.ts") },
    monitor: { about: "watch a lab and keep its tickets", load: () => import("./commands/monitor.ts") },
    agent: { about: "be on call for labs, with Claude or a control", load: () => import("./commands/agent.ts") },
    tickets: {
      about: "broken invariants, and who deals with them",
      commands: {
        list: { about: "tickets that are not settled", load: () => import("./commands/tickets/list.ts") },
        show: { about: "one ticket with what was observed", load: () => import("./commands/tickets/show.ts") },
        hold: { about: "take a ticket: no agent gets it", load: () => import("./commands/tickets/hold.ts") },
        release: { about: "give a held ticket back", load: () => import("./commands/tickets/release.ts") },
        close: { about: "settle a ticket, with a reason", load: () => import("./commands/tickets/close.ts") },
      },
    },
    chaos: {
      about: "break labs on purpose, and heal them",
      commands: {
        list: { about: "the faults", load: () => import("./commands/chaos/list.ts") },
        inject: { about: "break a lab", load: () => import("./commands/chaos/inject.ts") },
        status: { about: "what is broken now", load: () => import("./commands/chaos/status.ts") },
        revert: { about: "undo an injection", load: () => import("./commands/chaos/revert.ts") },
        sweep: { about: "heal what nobody answers for", load: () => import("./commands/chaos/sweep.ts") },
      },
    },
    eval: {
      about: "what came of campaigns",
      commands: {
        list: { about: "the campaigns that the store holds", load: () => import("./commands/eval/list.ts") },
        show: { about: "one campaign's table, or one trial", load: () => import("./commands/eval/show.ts") },
        compare: {
          about: "two variants, or two campaigns, pair by pair",
          load: () => import("./commands/eval/compare.ts"),
        },
        "compare-baseline": {
          about: "every variant of a campaign against nobody",
          load: () => import("./commands/eval/compare-baseline.ts"),
        },
        "compare-variants": {
          about: "all variants at one fault, over all campaigns",
          load: () => import("./commands/eval/compare-variants.ts"),
        },
        history: { about: "one fault over campaigns in time", load: () => import("./commands/eval/history.ts") },
        plan: { about: "what it takes to see a difference", load: () => import("./commands/eval/plan.ts") },
        regrade: { about: "judge again, by the current judge", load: () => import("./commands/eval/regrade.ts") },
        analyze: { about: "all measures of campaigns, side by side", load: () => import("./commands/eval/analyze.ts") },
      },
    },
    audit: {
      about: "what happened, from the store alone",
      commands: {
        list: { about: "the logs that the store holds", load: () => import("./commands/audit/list.ts") },
        show: { about: "one trial, session or lab as a timeline", load: () => import("./commands/audit/show.ts") },
      },
    },
    subjects: {
      about: "systems that can be run, watched and broken",
      commands: {
        list: { about: "the subjects by name", load: () => import("./commands/subjects/list.ts") },
        show: { about: "what one subject is", load: () => import("./commands/subjects/show.ts") },
        init: { about: "make a Compose file one", load: () => import("./commands/subjects/init.ts") },
        check: { about: "what is wrong with one", load: () => import("./commands/subjects/check.ts") },
      },
    },
    variants: {
      about: "who is on call: agent configurations and controls",
      commands: {
        list: { about: "the variants by name", load: () => import("./commands/variants/list.ts") },
        show: { about: "how one is set", load: () => import("./commands/variants/show.ts") },
      },
    },
    campaigns: {
      about: "files that say which trials to run",
      commands: {
        list: { about: "the campaigns by name", load: () => import("./commands/campaigns/list.ts") },
        show: { about: "what one would run", load: () => import("./commands/campaigns/show.ts") },
      },
    },
    completions: {
      about: "scripts that let a shell complete what you type",
      commands: {
        bash: { about: "for bash", load: () => import("./commands/completions/bash.ts") },
        zsh: { about: "for zsh", load: () => import("./commands/completions/zsh.ts") },
        fish: { about: "for fish", load: () => import("./commands/completions/fish.ts") },
      },
    },
    doctor: { about: "what this machine can run, and what it lacks", load: () => import("./commands/doctor.ts") },
    part: {
      about: "processes that operator starts itself",
      hidden: true,
      commands: {
        trial: { about: "one attempt at a trial", load: () => import("./commands/part/trial.ts") },
        guardian: { about: "watches over one lab", load: () => import("./commands/part/guardian.ts") },
        workload: { about: "loads one lab", load: () => import("./commands/part/workload.ts") },
        complete: { about: "what a shell may offer", load: () => import("./commands/part/complete.ts") },
        ratelimiter: { about: "the rate limiter's program", load: () => import("./commands/part/ratelimiter.ts") },
      },
    },
  },
}

const argv = process.argv.slice(2)
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  // Unlike process.stdout, which takes milliseconds to set up.
  console.log(VERSION)
} else {
  const { runMain } = await import("./lib/command.ts")
  process.exitCode = await runMain(root, argv)
}
