import { assert } from "@std/assert";
import { CORPUS_BYTES_MAX, CORPUS_INPUTS_MAX, readCorpus } from "./corpus.ts";
import { TARGETS } from "./targets.ts";
import { tried } from "./trial.ts";

for (const target of TARGETS) {
  Deno.test(`${target.name}: what was kept of its fuzzing breaks no promise`, async () => {
    const corpus = readCorpus(target);

    assert(corpus.length > 0 && corpus.length <= CORPUS_INPUTS_MAX, `${corpus.length} inputs`);
    for (const input of corpus) {
      assert(input.length <= CORPUS_BYTES_MAX);
      await tried(target, input);
    }
  });
}
