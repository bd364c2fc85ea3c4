/** A machine's output as one of its parts alone has it in a test: what the part does is told in words, step by step. */

import type { ModeOutput } from "../../lib/base/machine/mode_output.ts";

interface Written {
  readonly type: "persist";
  readonly token: number | null;
}

type Storing<Effect> =
  & Pick<ModeOutput<unknown, Effect>, "begin" | "take" | "clock" | "monotonicMs">
  & {
    persisted(token: number): void;
    /** Left out where a refusal ends the machine. */
    persistFailed?(token: number, text: string): void;
  };

export class PartOutput<Effect, Out extends Storing<Effect>> {
  #tokens: number[] = [];

  /** @param wordsOf Null: another test is about this effect. */
  constructor(readonly out: Out, readonly wordsOf: (effect: Effect) => string | null) {
    out.begin(1_000);
  }

  /** What was done since the last time. */
  words(): readonly string[] {
    const effects = this.out.take() as readonly (Effect & { readonly type: string })[];
    this.out.begin(this.out.monotonicMs);
    return effects.flatMap((effect) => {
      const { type, token } = effect as unknown as Written;
      if (type === "persist" && token !== null) this.#tokens.push(token);
      return this.wordsOf(effect) ?? [];
    });
  }

  /** Lets time pass. */
  pass(ms: number): this {
    const atMs = this.out.monotonicMs + ms;
    this.out.clock.dueMs = atMs; // the process was awake
    this.out.begin(atMs);
    return this;
  }

  /** What the disk does with what was written until now. @param refusal Why it refuses that; left out: it is stored. */
  diskAnswers(refusal?: string): readonly string[] {
    const words = this.words();
    for (const token of this.#tokens.splice(0)) {
      if (refusal === undefined) this.out.persisted(token);
      else this.out.persistFailed!(token, refusal);
    }
    return [...words, ...this.words()];
  }
}
