import { requireLoopback } from "../src/lib/loopback.ts"

// `bun run test` runs this first: the tests need 127.0.0.1, which `unshare -n` does not give.
await requireLoopback()
