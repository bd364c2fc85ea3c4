/**
 * Lines that nobody would type or pipe, in all modes: however they are cut, they are the same lines; each is understood
 * or refused with a sentence; and what Tab offers stands in the place of the word before the cursor.
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { type InputLine, LineSplitter } from "../../../lib/cli/streams/line_splitter.ts";
import type { Random } from "../../sim/random.ts";
import { Decisions, NO_TEXT, spoilt } from "../changes.ts";
import { MODES } from "../modes.ts";
import type { Target } from "../target.ts";

const COMMANDS = [...new Set(MODES.flatMap(({ commandNames }) => commandNames))];
const WORDS = ["Bob", "bob/hello", "≈Вob", "3", "- 3", "new text - 3", "99999999999999999999", "-1"]
  .concat(["10.0.0.1:5001", "[::1]:5001", "host:65536", "1", "2 lunch", "q", " q", "y", "n", ":q"])
  .concat(["--rotate", "1e3", "b".repeat(33), "x".repeat(300), "!?.,;:", "{", "e\u0301", "👩‍👩‍👧"]);
const PIECES = ["/", "//", " ", "\t", "\n", "\r\n", "\u2028", "\u00a0", "\0", "\ufeff", "\u202e"]
  .concat(COMMANDS.map((name) => `/${name} `), WORDS)
  .map(utf8)
  .concat(NO_TEXT);

function make(random: Random): Uint8Array {
  const lines = Array.from({ length: 1 + random.below(3) }, () => {
    const words = Array.from({ length: random.below(4) }, () => random.pick(WORDS));
    const head = random.chance(0.7) ? [`/${random.pick(COMMANDS)}`] : [];
    return [...head, ...words].join(" ");
  });
  return spoilt(utf8(lines.join("\n")), PIECES, random);
}

function split(input: Uint8Array, ends: readonly number[]): readonly InputLine[] {
  const splitter = new LineSplitter();
  let from = 0;
  const lines = ends.flatMap((end) => {
    const part = input.subarray(from, end);
    from = end;
    return splitter.push(part);
  });
  return [...lines, ...splitter.end()];
}

/** @returns Whether each line means something in some mode. */
function check(input: Uint8Array): boolean {
  const decisions = new Decisions(input);
  const { length } = input;
  const cuts = Array.from({ length: decisions.below(6) }, () => decisions.below(length + 1));
  const lines = split(input, [length]);
  assertEquals(split(input, [...cuts.sort((a, b) => a - b), length]), lines);
  let isGood = true;
  for (const line of lines.slice(0, 10)) {
    if (typeof line !== "string") continue;
    const cursor = decisions.below(line.length + 1);
    isGood = MODES.map((mode) => mode.isGood(line, false)).some((taken) => taken) && isGood;
    for (const mode of MODES.slice(0, 6)) {
      const completion = mode.complete(line, cursor);
      if (completion === null) continue;
      assert(completion.start >= 0 && completion.start <= cursor);
      assert(completion.replacement.length > 0 || completion.choices.length > 1);
    }
  }
  return isGood;
}

export const linesTarget: Target = { name: "lines", pieces: PIECES, make, check };
