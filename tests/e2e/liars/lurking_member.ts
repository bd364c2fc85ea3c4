/**
 * A malicious newcomer's program: as the built one, but it never says that it has caught up, and asks for what is new
 * at each sign of life of the coordinator: it reads, and is no member.
 */

import { runProgram } from "../../../lib/cli/program.ts";
import { CatchingUp } from "../../../lib/protocols/group/catch_up/catching_up.ts";
import { CoordinatorSession } from "../../../lib/protocols/group/member/coordinator_session.ts";
import { OrderReport } from "../../../lib/protocols/group/catch_up/order_report.ts";

const { tellHeard } = CoordinatorSession.prototype;
CoordinatorSession.prototype.tellHeard = function (peers, _, ...rest) {
  tellHeard.call(this, peers, false, ...rest);
};

const { begin } = CatchingUp.prototype;
let again = () => {};
CatchingUp.prototype.begin = function (message) {
  again = () => begin.call(this, message);
  again();
};

const { more } = OrderReport.prototype;
OrderReport.prototype.more = function () {
  again();
  more.call(this);
};

Deno.exit(await runProgram(Deno.args));
