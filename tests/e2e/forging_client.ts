/** A malicious client's program: as the built one, but its datagrams have the source address in `FORGED`. */

import { runProgram } from "../../lib/cli/program.ts";
import { UdpDatagrams } from "../../lib/transport/udp_datagrams.ts";

const listen = UdpDatagrams.listen.bind(UdpDatagrams);
UdpDatagrams.listen = (_, port, log) => listen(Deno.env.get("FORGED")!, port, log);

Deno.exit(await runProgram(Deno.args));
