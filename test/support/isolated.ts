/** What starts a command in a network of its own, in which not even the loopback interface is up; undefined where nobody may. */
export const ISOLATED = [
  ["unshare", "-n"],
  ["unshare", "-r", "-n"],
].find(([program = "", ...words]) => Bun.which(program) !== null && Bun.spawnSync([program, ...words, "true"]).success)
