/** Whether a Docker engine answers here. */
const works = Bun.which("docker") !== null && Bun.spawnSync(["docker", "info"], { timeout: 20_000 }).success

/** In CI an engine is expected, unless `.ci/run` has found that the machine cannot have one: then a test without it fails. */
const IS_EXPECTED = Boolean(Bun.env.CI) && !Bun.env.WITHOUT_DOCKER

/** Tests that need an engine are left out, visibly. */
export const WITHOUT_ENGINE = !works && !IS_EXPECTED
