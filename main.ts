/** p2pchat: chat from a terminal, end to end encrypted, without an account. */

import { runProgram } from "./lib/cli/program.ts";

// The one place that ends the process: timers and sockets that are left must not keep it.
if (import.meta.main) Deno.exit(await runProgram(Deno.args));
