/** A malicious coordinator's program: as the built one, but it refuses all, in words of its own. */

import { runProgram } from "../../../lib/cli/program.ts";
import { CoordinatorOutput } from "../../../lib/protocols/group/schema/coordinator_output.ts";

const { send } = CoordinatorOutput.prototype;
CoordinatorOutput.prototype.send = function (link, message) {
  const text = Deno.env.get("WORDS")!;
  send.call(
    this,
    link,
    message.type === "welcome" ? { type: "refuse", code: "bad-name", text } : message,
  );
};

Deno.exit(await runProgram(Deno.args));
