// deno-lint-ignore-file no-console -- a program of its own, run by `make fuzz`
/**
 * `make fuzz SECONDS=60 SEED=1 TARGET=codec,frames`: fuzzes each target for that time, from what was kept of it, and
 * ends with status 1, and what repeats it, where something is found. `UPDATE=1` keeps what was reached; `INPUT=HEX`
 * tries that one input, `INPUT=@FILE` that of a file.
 */

import { Random } from "../sim/random.ts";
import { shortened } from "./changes.ts";
import { CORPUS_INPUTS_MAX, minimised, readCorpus, writeCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { Fuzzer } from "./fuzzer.ts";
import type { Target } from "./target.ts";
import { Finding, onTrial, tried } from "./trial.ts";
import { watch } from "./watch.ts";

/** Digits that a variable of the environment takes: Linux, `MAX_ARG_STRLEN`. */
const DIGITS_MAX = 100_000;
const FOLDER = "build";

/** Of what was found, for so long. */
const SHORTENING_MS = 30_000;

async function fuzz(target: Target, coverage: Coverage, seed: number): Promise<void> {
  const seconds = Number(Deno.env.get("SECONDS") || 10);
  const fuzzer = new Fuzzer(target, coverage, new Random(seed));
  const corpus = readCorpus(target);
  await fuzzer.begin(corpus);
  await fuzzer.run(performance.now() + 1_000 * seconds);
  const { inputs, taken, kept } = fuzzer;
  let said = `${inputs} inputs (${taken} taken), ${kept.length} reached something first, `;
  said += `${coverage.size} characters of functions reached, seed ${seed}`;
  if (Deno.env.get("UPDATE")) {
    const chosen = await minimised(target, [...corpus, ...kept], coverage);
    writeCorpus(target, chosen);
    said += `; ${chosen.length} of at most ${CORPUS_INPUTS_MAX} kept`;
  }
  console.log(`${target.name}: ${said}`);
}

/** Says what was found, as short as it can be, and how it is repeated. */
async function report({ target, input, cause }: Finding, seed: number): Promise<void> {
  console.error(cause);
  const untilMs = performance.now() + SHORTENING_MS;
  const shortest = await shortened(input, async (shorter) => {
    if (performance.now() > untilMs) return false;
    try {
      await tried(target, shorter);
      return false;
    } catch (error) {
      return error instanceof Finding;
    }
  }, Infinity);
  console.error(`${target.name}: found with seed ${seed}. Again:`);
  console.error(`make fuzz TARGET=${target.name} INPUT=${inputText(target, shortest)}`);
}

function inputText({ name }: Target, input: Uint8Array): string {
  const digits = input.toHex();
  if (digits.length <= DIGITS_MAX) return digits;
  const path = `${FOLDER}/fuzz-${name}.bin`;
  Deno.mkdirSync(FOLDER, { recursive: true });
  Deno.writeFileSync(path, input);
  return `@${path}`;
}

function inputOf(text: string): Uint8Array<ArrayBuffer> {
  return text.startsWith("@") ? Deno.readFileSync(text.slice(1)) : Uint8Array.fromHex(text);
}

function chosen(targets: readonly Target[]): readonly Target[] {
  const names = Deno.env.get("TARGET")?.split(",").filter((name) => name !== "") ?? [];
  if (names.length === 0) return targets;
  return names.map((name) => {
    const target = targets.find((each) => each.name === name);
    if (target !== undefined) return target;
    console.error(`No target ${name}: ${targets.map((each) => each.name).join(", ")}`);
    Deno.exit(2);
  });
}

if (import.meta.main) {
  const coverage = await Coverage.start();
  // Imported now: what ran before isn't watched in parts.
  const targets = chosen((await import("./targets.ts")).TARGETS);
  const seed = Number(Deno.env.get("SEED") || Math.floor(Math.random() * 2 ** 32));
  const input = Deno.env.get("INPUT");
  watch(onTrial);
  try {
    for (const target of targets) {
      if (input === undefined) await fuzz(target, coverage, seed);
      else await tried(target, inputOf(input));
    }
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    await report(error, seed);
    Deno.exit(1);
  }
  Deno.exit(0); // the watch goes on
}
