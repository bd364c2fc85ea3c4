/**
 * Fuzzing that is guided by coverage, as AFL and libFuzzer do it: what reaches something new is kept, and changed
 * further. Half of the inputs come so, the others from the target's own maker, which knows their structure.
 */

import type { Random } from "../sim/random.ts";
import { changed, shortened } from "./changes.ts";
import { blocksOf, CORPUS_BYTES_MAX } from "./corpus.ts";
import { type Coverage, without } from "./coverage.ts";
import { INPUT_BYTES_MAX, type Target } from "./target.ts";
import { tried } from "./trial.ts";

/** Between two looks at what ran: such a look takes as long as many inputs. */
const BATCH_MAX = 100;
/** Fewer inputs where they take longer: those of a batch are tried again where it reaches something new. */
const BATCH_MS = 500;
/** Each takes a look at what ran, some 10 ms. */
const SHORTENING_TRIES_MAX = 60;

export class Fuzzer {
  /** What reached something new, in its order. */
  readonly kept: Uint8Array[] = [];
  inputs = 0;
  taken = 0;
  #batch = 10;

  constructor(readonly target: Target, readonly coverage: Coverage, readonly random: Random) {}

  /** Tries what was kept before. @throws {Finding} */
  async begin(corpus: readonly Uint8Array[]): Promise<void> {
    this.coverage.forget();
    await this.coverage.ran();
    for (const input of corpus) await this.#try([input]);
  }

  /** @throws {Finding} */
  async run(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      const inputs = Array.from({ length: this.#batch }, () => this.#input());
      await this.coverage.ran();
      const beganMs = performance.now();
      await this.#try(inputs);
      const isSlow = performance.now() - beganMs > BATCH_MS;
      this.#batch = Math.max(1, Math.min(BATCH_MAX, Math.floor(this.#batch * (isSlow ? 0.5 : 2))));
    }
  }

  #input(): Uint8Array {
    const { target, kept, random } = this;
    if (kept.length === 0 || random.chance(0.5)) return target.make(random);
    const bytesMax = target.bytesMax ?? INPUT_BYTES_MAX;
    const ingredients = { pieces: target.pieces, others: kept, bytesMax };
    const input = changed(random.pick(kept), ingredients, random);
    return target.mend !== undefined && random.chance(0.5) ? target.mend(input) : input;
  }

  async #try(inputs: readonly Uint8Array[]): Promise<void> {
    for (const input of inputs) {
      this.inputs++;
      if (await tried(this.target, input)) this.taken++;
    }
    const ran = await this.coverage.ran();
    if (this.coverage.newIn(ran).size === 0) return;
    await this.#keepFrom(inputs, false);
    // What only all of them together reach, and what runs once in a process.
    this.coverage.see(ran);
  }

  /** Keeps those of `inputs` that reach something new, found by halves. */
  async #keepFrom(inputs: readonly Uint8Array[], isUntried = true): Promise<void> {
    if (isUntried || inputs.length === 1) {
      await this.coverage.ran();
      for (const input of inputs) await tried(this.target, input);
      const ran = await this.coverage.ran();
      const fresh = this.coverage.newIn(ran);
      if (fresh.size === 0) return;
      if (inputs.length === 1) {
        const input = inputs[0]!;
        const short = input.length <= CORPUS_BYTES_MAX
          ? input
          : await shortened(input, async (shorter) => {
            const blocks = await blocksOf(this.target, shorter, this.coverage);
            return blocks !== null && without(fresh, blocks).size === 0;
          }, SHORTENING_TRIES_MAX);
        if (short.length <= CORPUS_BYTES_MAX) this.kept.push(short);
        this.coverage.see(ran);
        return;
      }
    }
    const middle = Math.ceil(inputs.length / 2);
    await this.#keepFrom(inputs.slice(0, middle));
    await this.#keepFrom(inputs.slice(middle));
  }
}
