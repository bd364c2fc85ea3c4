/**
 * A malicious member's program: as the built one, but it sends another text to the last of the other members, signed
 * under the same number.
 */

import type { Signer } from "../../lib/base/crypto/crypto.ts";
import { runProgram } from "../../lib/cli/program.ts";
import { signBatch } from "../../lib/protocols/group/schema/history.ts";
import { Sequencing } from "../../lib/protocols/group/log/sequencing.ts";

const { say } = Sequencing.prototype;

Sequencing.prototype.say = function (signed) {
  const { out, signer } = this.parts as typeof this.parts & { readonly signer: Signer };
  const { value } = signed.batch;
  const texts = value.texts.map((text) => `${text}, or not`);
  const other = signBatch(signer, { ...value, texts });
  const tell = out.tell.bind(out);
  out.tell = (peers, message) => {
    tell(peers.slice(0, -1), message);
    tell(peers.slice(-1), message.type === "data" ? { ...message, signed: other } : message);
  };
  say.call(this, signed);
  out.tell = tell;
};

Deno.exit(await runProgram(Deno.args));
