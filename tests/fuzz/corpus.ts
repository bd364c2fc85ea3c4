/** The inputs that are kept of a target: a line of hexadecimal digits each, the shortest ones that reach each thing. */

import { fileURLToPath } from "node:url";
import { shortened } from "./changes.ts";
import { type Blocks, type Coverage, without } from "./coverage.ts";
import { type Target } from "./target.ts";
import { Finding, tried } from "./trial.ts";

/** So many that all targets are tried in seconds by `corpora_io_test.ts`. */
export const CORPUS_INPUTS_MAX = 64;
export const CORPUS_BYTES_MAX = 4_096;
/** Each takes a look at what ran, some 10 ms. */
const SHORTENING_TRIES_MAX = 40;
/** Of all that are kept of a target. */
const SHORTENING_MS = 10_000;

export function corpusPath({ name }: Pick<Target, "name">): string {
  return fileURLToPath(new URL(`corpora/${name}.txt`, import.meta.url));
}

/** What is kept of a target; nothing where nothing was. */
export function readCorpus(target: Target): readonly Uint8Array[] {
  try {
    const lines = Deno.readTextFileSync(corpusPath(target)).split("\n").slice(0, -1);
    return lines.map((line) => Uint8Array.fromHex(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

export function writeCorpus(target: Target, inputs: readonly Uint8Array[]): void {
  const lines = inputs.map((input) => `${input.toHex()}\n`).sort((one, other) =>
    one.length - other.length || (one < other ? -1 : 1)
  );
  Deno.writeTextFileSync(corpusPath(target), lines.join(""));
}

/** What runs where `input` is tried; null where it finds something. */
export async function blocksOf(
  target: Target,
  input: Uint8Array,
  coverage: Coverage,
): Promise<Blocks | null> {
  try {
    await coverage.ran();
    await tried(target, input);
    return await coverage.ran();
  } catch (error) {
    if (error instanceof Finding) return null;
    throw error;
  }
}

interface Kept {
  readonly input: Uint8Array;
  readonly blocks: Blocks;
}

/**
 * Of `inputs`, and of shorter ones made from them, those that reach all that they reach: the short ones first, and then
 * without those whose every block others reach. Where there are too many, those that reach the most are kept.
 */
export async function minimised(
  target: Target,
  inputs: readonly Uint8Array[],
  coverage: Coverage,
): Promise<readonly Uint8Array[]> {
  const kept: Kept[] = [];
  const untilMs = performance.now() + SHORTENING_MS;
  coverage.forget();
  for (const input of inputs.toSorted((one, other) => one.length - other.length)) {
    const blocks = await blocksOf(target, input, coverage);
    if (blocks === null) continue;
    const fresh = coverage.newIn(blocks);
    if (fresh.size === 0) continue;
    const shorter = await shortened(input, async (bytes) => {
      if (performance.now() > untilMs) return false;
      const ran = await blocksOf(target, bytes, coverage);
      return ran !== null && without(fresh, ran).size === 0;
    }, SHORTENING_TRIES_MAX);
    const reached = await blocksOf(target, shorter, coverage) ?? blocks;
    coverage.see(reached);
    kept.push({ input: shorter, blocks: reached });
  }
  return mostReaching(kept, coverage);
}

/** Set cover, greedily: what reaches the most that the ones before it don't. */
function mostReaching(all: readonly Kept[], coverage: Coverage): readonly Uint8Array[] {
  coverage.forget();
  const chosen: Uint8Array[] = [];
  let left = [...all];
  while (left.length > 0 && chosen.length < CORPUS_INPUTS_MAX) {
    let best = { size: 0, at: 0 };
    const news = left.map(({ blocks }) => coverage.newIn(blocks));
    news.forEach((blocks, at) => {
      if (blocks.size > best.size) best = { size: blocks.size, at };
    });
    if (best.size === 0) break;
    const { input, blocks } = left[best.at]!;
    chosen.push(input);
    coverage.see(blocks);
    left = left.filter((_, at) => at !== best.at && news[at]!.size > 0);
  }
  return chosen;
}
