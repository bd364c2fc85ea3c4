/** A malicious member's program: as the built one, but it ends guesses at its codes with words of its own. */

import { runProgram } from "../../../lib/cli/program.ts";
import { WordIssuer } from "../../../lib/protocols/words/word_issuer.ts";

const { step } = WordIssuer.prototype;
WordIssuer.prototype.step = function (...input) {
  const reason = Deno.env.get("WORDS")!;
  return step.apply(this, input).flatMap((effect) =>
    effect.type === "send"
      ? { type: "close", link: effect.link, reason }
      : effect.type === "close"
      ? []
      : effect
  );
};

Deno.exit(await runProgram(Deno.args));
