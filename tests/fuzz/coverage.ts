/**
 * What of `lib/` has run: V8's own block coverage, which tells of each function the parts that ran since it was last
 * asked. It guides what is kept of the inputs, as the counters of edges do in AFL (Zalewski, 2013) and libFuzzer.
 *
 * A function that ran before `Coverage.start` is known as a whole only: what is watched is imported after it.
 */

import { Session } from "node:inspector/promises";

/** From an offset in a source up to another one. */
type Span = readonly [from: number, end: number];

/** Of functions, the parts that ran; each sorted, no two of them touch. The key is the source and the function's span. */
export type Blocks = ReadonlyMap<string, readonly Span[]>;

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface PreciseCoverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
}

export class Coverage {
  readonly #session = new Session();
  #seen = new Map<string, readonly Span[]>();

  private constructor(readonly folder: string) {}

  /** Begins to watch. `folder`: the part of a source's address that tells what is watched. */
  static async start(folder = "/lib/"): Promise<Coverage> {
    const coverage = new Coverage(folder);
    const session = coverage.#session;
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    await coverage.ran();
    return coverage;
  }

  /** What ran since this was last asked. */
  async ran(): Promise<Blocks> {
    const answer: unknown = await this.#session.post("Profiler.takePreciseCoverage");
    const blocks = new Map<string, readonly Span[]>();
    for (const { url, functions } of (answer as PreciseCoverage).result) {
      if (!url.includes(this.folder)) continue;
      for (const { ranges } of functions) {
        const { startOffset, endOffset } = ranges[0]!;
        const spans = spansOf(ranges);
        if (spans.length > 0) blocks.set(`${url}:${startOffset}-${endOffset}`, spans);
      }
    }
    return blocks;
  }

  /** Those of `blocks` that nobody had seen. */
  newIn(blocks: Blocks): Blocks {
    return without(blocks, this.#seen);
  }

  see(blocks: Blocks): void {
    for (const [key, spans] of blocks) {
      const known = this.#seen.get(key);
      this.#seen.set(key, known === undefined ? spans : union(known, spans));
    }
  }

  /** Nothing was seen. */
  forget(): void {
    this.#seen.clear();
  }

  /** Characters of the functions that were seen to run, each with those of the functions in it. */
  get size(): number {
    let size = 0;
    for (const spans of this.#seen.values()) for (const [from, end] of spans) size += end - from;
    return size;
  }
}

/** The parts of `blocks` that aren't in `others`. */
export function without(blocks: Blocks, others: Blocks): Blocks {
  const left = new Map<string, readonly Span[]>();
  for (const [key, spans] of blocks) {
    const known = others.get(key);
    const rest = known === undefined ? spans : spans.flatMap((span) => outside(span, known));
    if (rest.length > 0) left.set(key, rest);
  }
  return left;
}

/**
 * Ranges lie in each other, the outer one first; the innermost count is right. A range that counts as its outer one
 * isn't told.
 */
function spansOf(ranges: readonly Range[]): readonly Span[] {
  const spans: [number, number][] = [];
  const around: Range[] = [];
  let at = ranges[0]!.startOffset;
  const goTo = (offset: number) => {
    if (offset <= at) return;
    if (around.at(-1)!.count > 0) {
      const last = spans.at(-1);
      if (last?.[1] === at) last[1] = offset;
      else spans.push([at, offset]);
    }
    at = offset;
  };
  const leave = () => {
    goTo(around.at(-1)!.endOffset);
    around.pop();
  };
  for (const range of ranges) {
    while (around.length > 0 && around.at(-1)!.endOffset <= range.startOffset) leave();
    if (around.length > 0) goTo(range.startOffset);
    around.push(range);
  }
  while (around.length > 0) leave();
  return spans;
}

function outside([from, end]: Span, known: readonly Span[]): readonly Span[] {
  const rest: Span[] = [];
  let at = from;
  for (const [start, stop] of known) {
    if (stop <= at || start >= end) continue;
    if (start > at) rest.push([at, start]);
    at = Math.max(at, stop);
  }
  return at < end ? [...rest, [at, end]] : rest;
}

function union(some: readonly Span[], others: readonly Span[]): readonly Span[] {
  const joined: [number, number][] = [];
  for (const [from, end] of [...some, ...others].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && last[1] >= from) last[1] = Math.max(last[1], end);
    else joined.push([from, end]);
  }
  return joined;
}
