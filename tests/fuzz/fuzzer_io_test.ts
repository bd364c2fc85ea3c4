import { assert, assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { Random } from "../sim/random.ts";
import { Decisions, shortened } from "./changes.ts";
import { minimised } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { Fuzzer } from "./fuzzer.ts";
import type { Target } from "./target.ts";
import { Finding, tried } from "./trial.ts";

/** A maze: each right letter opens a block that nobody guesses all the way. */
const { isThrough } = await import("./maze.ts");

function target(more: Partial<Target> = {}): Target {
  return {
    name: "maze",
    pieces: ["f", "o", "u", "n", "d"].map((letter) => new TextEncoder().encode(letter)),
    make: (random) => random.bytes(random.below(8)),
    check: (input) => !isThrough(input),
    ...more,
  };
}

function found(input: Uint8Array): boolean {
  if (isThrough(input)) throw new Error("found");
  return true;
}

Deno.test("a fuzzer finds by steps what chance doesn't, and a short input that shows it", async () => {
  const coverage = await Coverage.start("/tests/fuzz/maze.ts");
  const fuzzer = new Fuzzer(target({ check: found }), coverage, new Random(1));

  const finding = await assertRejects(() => fuzzer.run(performance.now() + 60_000), Finding);

  assert(fuzzer.kept.length >= 4, "each step is kept");
  const isFound = (input: Uint8Array) => Promise.resolve(isThrough(input));
  const shortest = await shortened(finding.input, isFound, 1_000);
  assertEquals(new TextDecoder().decode(shortest), "found");
});

Deno.test("what is kept reaches all that was reached, in short inputs", async () => {
  const coverage = await Coverage.start("/tests/fuzz/maze.ts");
  const inputs = ["xxxxxxx", "fxxxx", "foxx", "fo", "fou!", "foun?????"];
  const encoder = new TextEncoder();

  const kept = await minimised(target(), inputs.map((text) => encoder.encode(text)), coverage);

  assertEquals(kept.map((input) => new TextDecoder().decode(input)).sort(), [
    "",
    "f",
    "fo",
    "fou",
    "foun",
  ]);
});

Deno.test("an input that takes too long, or too much memory, is a finding", async () => {
  let held: unknown = null;
  const endless = target({
    check() {
      for (const before = process.cpuUsage(); process.cpuUsage(before).user < 30_000;);
      return true;
    },
  });
  const greedy = target({
    check() {
      held = [held, new Uint8Array(2_000_000)];
      return true;
    },
  });

  const costMax = { ms: 20, heapBytes: 1_000_000 };
  for (const each of [endless, greedy]) {
    const { cause } = await assertRejects(() => tried(each, Uint8Array.of(1), costMax), Finding);
    assert(/^1 bytes took \d+ ms and -?\d+ bytes/.test((cause as Error).message), String(cause));
  }
  held = null;
});

Deno.test("decisions are those of the bytes, and the same each time", () => {
  const draw = (...bytes: number[]) => {
    const decisions = new Decisions(Uint8Array.from(bytes));
    return Array.from({ length: 6 }, () => decisions.below(256));
  };

  assertEquals(draw(1, 200, 3).slice(0, 3), [1, 200, 3]);
  assertEquals(draw(1, 200, 3), draw(1, 200, 3));
});
