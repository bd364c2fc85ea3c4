/**
 * Bytes that no keyboard sends, for the line that is typed: whatever comes, in whatever pieces, the cursor stands
 * between characters, the prompt fits the terminal and has nothing that it obeys, and what is submitted is understood or
 * refused with a sentence.
 */

import { assert, assertEquals } from "@std/assert";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { graphemeAfter, graphemeBefore, textWidth } from "../../../lib/cli/rendering/graphemes.ts";
import { KeyParser } from "../../../lib/cli/terminal/key_parser.ts";
import { type EditorState, EMPTY_EDITOR, onKey } from "../../../lib/cli/terminal/line_editor.ts";
import { layoutPrompt } from "../../../lib/cli/terminal/prompt_layout.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import type { Random } from "../../sim/random.ts";
import { Decisions, NO_TEXT } from "../changes.ts";
import { checkParsed } from "../modes.ts";
import type { Target } from "../target.ts";

/** Keys, halves of keys, and what text consists of. */
const PIECES = ["\r", "\n", "\t", "\x7f", "\x1b", "\x1b[", "\x1bO", "\x1b[A", "\x1b[B", "\x1b[1;5D"]
  .concat([
    "\x1b[3~",
    "\x1b[200~",
    "\x1b[201~",
    "\x1b[999;999;999~",
    "\x1b]0;title\x07",
    "\x1bP>|tmux",
    "\x1b\\",
    "\x9b1m",
  ])
  .concat(["\x01", "\x02", "\x04", "\x05", "\x06", "\x0b", "\x14", "\x15", "\x17", "\x19", "\x1a"])
  .concat([
    "a",
    "hello ",
    "/msg Bob ",
    ":q",
    "//",
    "漢字",
    "e\u0301",
    "👩‍👩‍👧",
    "🇩🇪",
    "\u202e",
    "\u200b",
  ])
  .concat(["\u0300".repeat(20), "مرحبا", "\u2028", "\0", "x".repeat(200)])
  .map(utf8)
  .concat(NO_TEXT, [Uint8Array.of(0xf0, 0x9f), Uint8Array.of(0x91, 0xa9)]);

function input(random: Random): Uint8Array {
  return concatBytes(...Array.from({ length: 1 + random.below(40) }, () => random.pick(PIECES)));
}

/** @returns Whether nothing typed was refused. */
function check(bytes: Uint8Array): boolean {
  const parser = new KeyParser();
  const random = new Decisions(bytes);
  let editor: EditorState = EMPTY_EDITOR;
  let isGood = true;
  for (let from = 0; from < bytes.length;) {
    const to = Math.min(bytes.length, from + 1 + random.below(12));
    const keys = [...parser.push(bytes.subarray(from, to))];
    if (parser.waitMs !== null && random.chance(0.1)) keys.push(...parser.timeout());
    for (const key of keys) {
      const { state, request } = onKey(editor, key);
      editor = state;
      checkEditor(editor);
      if (request?.type === "submit") {
        isGood = checkParsed(meshCommands.parse(request.text, false)) && isGood;
      }
    }
    from = to;
  }
  checkPrompt(editor, random);
  return isGood;
}

function checkEditor({ text, cursor }: EditorState): void {
  assert(cursor >= 0 && cursor <= text.length, "the cursor is in the text");
  if (cursor > 0 && cursor < text.length) {
    assertEquals(graphemeBefore(text, graphemeAfter(text, cursor)), cursor, "between characters");
  }
}

function checkPrompt({ text, cursor }: EditorState, random: Random): void {
  const [columns, rowsMax] = [2 + random.below(100), 1 + random.below(30)];
  const { rows, cursorRow, cursorColumn } = layoutPrompt("Ann> ", text, cursor, columns, rowsMax);
  assert(rows.length <= rowsMax, "no more rows than there are");
  for (const row of rows) assert(textWidth(row) <= columns, "no row is wider than the terminal");
  assert(cursorRow < rows.length && cursorColumn <= columns, "the cursor is on the screen");
  // deno-lint-ignore no-control-regex -- what must not be there
  assert(!/[\x00-\x1f\x7f-\x9f]/.test(rows.join("")), "nothing that a terminal obeys");
}

export const keysTarget: Target = {
  name: "keys",
  pieces: PIECES,
  // Each key looks at the whole line: what is typed by hand is never longer.
  bytesMax: 2_048,
  make: input,
  check,
};
