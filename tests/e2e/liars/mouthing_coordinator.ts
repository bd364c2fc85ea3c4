/**
 * A malicious coordinator's program: as the built one, but whoever fetches the log from it gets other texts, under the
 * names of those who said something there, signed with the coordinator's key.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import { runProgram } from "../../../lib/cli/program.ts";
import { CoordinatorOutput } from "../../../lib/protocols/group/schema/coordinator_output.ts";
import { Escrow } from "../../../lib/protocols/group/catch_up/escrow.ts";
import { signBatch } from "../../../lib/protocols/group/schema/history.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";

let signer: Signer;

const { fetch } = Escrow.prototype;
Escrow.prototype.fetch = function (link, message) {
  signer = this.keys.signer;
  fetch.call(this, link, message);
};

const { send } = CoordinatorOutput.prototype;
CoordinatorOutput.prototype.send = function (link, message) {
  send.call(this, link, misquoted(message));
};

function misquoted(message: GroupMessage): GroupMessage {
  if (message.type !== "history") return message;
  const batches = message.batches.map(({ batch: { value }, view }) => {
    const texts = value.texts.map((text) => `${text}000`);
    return { ...signBatch(signer, { ...value, author: signer.key, texts }), view };
  });
  return { ...message, batches };
}

Deno.exit(await runProgram(Deno.args));
