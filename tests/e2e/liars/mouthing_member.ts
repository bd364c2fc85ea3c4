/**
 * A malicious member's program: as the built one, but what its user says after `Alice: ` it signs, with its own key, as
 * said under the name Alice, and its own log takes it.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import { runProgram } from "../../../lib/cli/program.ts";
import { HistoryEnd, signBatch } from "../../../lib/protocols/group/schema/history.ts";
import { Sequencing } from "../../../lib/protocols/group/log/sequencing.ts";

const SAID = /^Alice: /;

const { say } = Sequencing.prototype;
Sequencing.prototype.say = function (signed) {
  const { signer } = this.parts as typeof this.parts & { readonly signer: Signer };
  const { value } = signed.batch;
  const isLie = value.texts.every((text) => SAID.test(text));
  const texts = value.texts.map((text) => text.replace(SAID, ""));
  say.call(this, isLie ? signBatch(signer, { ...value, name: "Alice", texts }) : signed);
};

HistoryEnd.prototype.nameFault = () => null;

Deno.exit(await runProgram(Deno.args));
