/**
 * A malicious newcomer's program: as the built one, but it never says that it has caught up, and asks for what is new
 * at each sign of life of the coordinator: it reads, and is no member.
 */

import { runProgram } from "../../../lib/cli/program.ts";
import { CatchingUp } from "../../../lib/protocols/group/catching_up.ts";
import { CoordinatorSession } from "../../../lib/protocols/group/coordinator_session.ts";
import { Telling } from "../../../lib/protocols/group/telling.ts";

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

const { more } = Telling.prototype;
Telling.prototype.more = function () {
  again();
  more.call(this);
};

Deno.exit(await runProgram(Deno.args));
