/** The program, by a clock that `make torture` moves. */

import "./moved_clock.ts";
import { runProgram } from "../../lib/cli/program.ts";

Deno.exit(await runProgram(Deno.args));
