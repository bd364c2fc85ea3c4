/** p2pchat: chat from a terminal, end to end encrypted, without an account. */

import { runProgram } from "./lib/cli/program.ts";

// A file that grows past the limit (ulimit -f) is an error, also where no launcher, which says this, has seen to it.
if (import.meta.main && Deno.env.get("P2PCHAT_STDOUT") === undefined) {
  Deno.addSignalListener("SIGXFSZ", () => {});
}
// The one place that ends the process: timers and sockets that are left must not keep it.
if (import.meta.main) Deno.exit(await runProgram(Deno.args));
