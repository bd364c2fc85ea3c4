/** A malicious directory's program: as the built one, but its refusals say what the client's own program might say. */

import { runProgram } from "../../../lib/cli/program.ts";
import { DirectoryOutput } from "../../../lib/protocols/directory/schema/directory_output.ts";

const { sendAll } = DirectoryOutput.prototype;
DirectoryOutput.prototype.sendAll = function (links, message) {
  const text = Deno.env.get("WORDS")!;
  sendAll.call(this, links, message.type === "refused" ? { ...message, text } : message);
};

Deno.exit(await runProgram(Deno.args));
