/** A program of its own for a client: all that the built one does, but its datagrams come from the address in `FORGED`. */

import { runProgram } from "../../lib/cli/program.ts";
import { UdpDatagrams } from "../../lib/transport/udp_datagrams.ts";

const listen = UdpDatagrams.listen.bind(UdpDatagrams);
UdpDatagrams.listen = (_, port, log) => listen(Deno.env.get("FORGED")!, port, log);

Deno.exit(await runProgram(Deno.args));
