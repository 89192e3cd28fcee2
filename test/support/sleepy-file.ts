const NODES = ["a", "b", "c"]

/** Takes so long that whoever is at work on it can be killed meanwhile: at a node at once, at the others after this. */
export const SLOW_S = 1.5

const slowly = (command: string) => `case {node} in a) ;; *) sleep ${SLOW_S};; esac; ${command}`

/**
 * A subject of three processes that sleep, ready at once. Its fault `slow` leaves a file `broken` in each of its targets' folders: half
 * of them at once, and the others later; its undo does the same.
 */
export const SLEEPY = JSON.stringify({
  name: "sleepy",
  services: Object.fromEntries(NODES.map((name) => [name, {}])),
  "x-operator": {
    groups: { trio: NODES },
    ready: { stable: "100ms" },
    faults: {
      node_kill: { group: "trio" },
      node_pause: { group: "trio" },
      slow: {
        group: "trio",
        declared: {
          about: "Leaves a file, slowly",
          inject: slowly('touch "{lab}/{node}/broken"'),
          undo: slowly('rm -f "{lab}/{node}/broken"'),
          active: 'test -e "{lab}/{node}/broken"',
        },
      },
    },
    processes: Object.fromEntries(
      NODES.map((name) => [name, { command: "sh -c 'echo 1 >data/port; exec sleep 600'" }]),
    ),
  },
})
