/**
 * Only the program's own lines begin at the left edge of a terminal, whatever others say in whatever field, and
 * whatever width the terminal gives to any character that isn't printable ASCII.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { friendsLines } from "../../lib/cli/friends/friends_rendering.ts";
import { ROW_CELLS } from "../../lib/cli/rendering/graphemes.ts";
import { MemberRendering } from "../../lib/cli/group/member_rendering.ts";
import { meshLines } from "../../lib/cli/mesh/mesh_rendering.ts";
import { RegistryRendering } from "../../lib/cli/directory/registry_rendering.ts";
import { noticeLine } from "../../lib/cli/rendering/spans.ts";
import { TextFormat } from "../../lib/cli/streams/text_format.ts";
import type { Line, RenderContext } from "../../lib/cli/rendering/user_interface.ts";
import { Screen } from "../e2e/screen.ts";
import { NOON_MS } from "./memory_streams.ts";
import { SLOW } from "../given.ts";

const CONTEXT: RenderContext = { nowMs: NOON_MS, interactive: true, verbose: false };
const AT = new Date(NOON_MS).toISOString();
const SAID = { id: "1", key: "k", self: false, history: false, sentAt: AT };

/** Events of all modes that carry what others chose: texts, names, hosts, reasons. */
function shapesOf(text: string, name: string): readonly Line[] {
  const message = { event: "message", ...SAID, from: name, shown: name, text };
  const edit = { edit: 7, seq: 43, by: name, old: text, new: text };
  const call = { call: "1", peer: name, from: name, key: "k", guest: false, reason: text };
  const mesh: readonly object[] = [
    { ...message, private: false },
    { ...message, private: true },
    { ...message, private: false, history: true },
    { event: "joined", name, key: "k", host: text, port: 1 },
    { event: "left", name, key: "k", reason: "quit" },
    { event: "renamed", key: "k", from: name, name },
  ];
  const group: readonly object[] = [
    {
      event: "entry",
      seq: 43,
      ...SAID,
      from: name,
      shown: name,
      text,
      editedBy: name,
      edits: [{ ...edit, agreed: [name, text], committedAt: AT }],
    },
    { event: "vote-wanted", ...edit, deadline: AT },
    { event: "edit", ...edit, text, outcome: "aborted", reason: text },
    {
      event: "edit",
      ...edit,
      text,
      outcome: "committed",
      reason: text,
      agreed: [name],
      committedAt: AT,
    },
  ];
  const registry: readonly object[] = [
    { event: "broadcast", ...SAID, from: name, text },
    { event: "incoming", ...call },
    { event: "call", ...call, state: "declined", route: null },
    { event: "message", ...SAID, call: "1", from: name, text },
  ];
  const lines = [
    ...mesh.flatMap((event) => [...meshLines(event as never, CONTEXT)]),
    ...friendsLines(message as never, CONTEXT, "Al"),
    ...group.flatMap((event) => [...new MemberRendering().lines(event as never, CONTEXT)]),
    ...registry.flatMap((event) => [...new RegistryRendering().lines(event as never, CONTEXT)]),
    noticeLine(NOON_MS, { text }),
    noticeLine(NOON_MS, { text, warning: true }),
    [`error: ${text}`],
  ];
  assert(lines.length >= 17);
  return lines;
}

/** The cells that a terminal gives a code point: 0, 1 or 2, by chance for all but ASCII. */
function widthsBy(seed: number): (character: string) => number {
  return (character) => {
    const code = character.codePointAt(0)!;
    if (code < 0x7f) return 1;
    return (Math.imul(code + seed, 0x9e3779b1) >>> 8) % 3;
  };
}

/** The middle of a word, left to the terminal to wrap: no time, name, mark or `error:` begins so, and none is blank. */
const MIDDLE_OF_WORD = /^(?!\d*:|error:)[^\s<>[\]*!][^\s<>[\]]*$/;

/** The first column of each row below the first that has something in it, and isn't the middle of a word. */
function indents(line: Line, columns: number, pointWidth: (character: string) => number) {
  const terminal = { ...ROW_CELLS, columns: () => columns };
  const format = new TextFormat(
    { colour: true, verbose: false, terminal, folding: { rows: () => 120, keep: () => 1 } },
    NOON_MS,
  );
  const screen = new Screen(columns, 24, true, pointWidth);
  screen.write(format.format(line).replaceAll("\n", "\r\n"));
  assertEquals(screen.unexpected, []);
  assert(screen.wraps, "the terminal wraps again");
  const [, ...rows] = screen.text.split("\n");
  return rows.filter((row) => row !== "" && !MIDDLE_OF_WORD.test(row))
    .map((row) => row.length - row.trimStart().length);
}

const FAKE = "03:30 <Bob> I quit";
const RUNS = [
  "\u06dd",
  "\u0661\u06dd",
  "👍🏽",
  "👨‍👩‍👧",
  "3\ufe0f",
  "🇩🇪",
  "Ж",
  "\u1100\u1161",
  "á",
  "日",
  "\u00ad",
  "\ue000",
];
const said = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.tuple(fc.constantFrom(...RUNS), fc.integer({ min: 1, max: 90 })).map((
        [run, count],
      ) => run.repeat(count)),
    },
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom(FAKE, "\n", " ", "x".repeat(50), "[Bob -> you] no", "error: no"),
  ),
  { maxLength: 6 },
).map((parts) => parts.join(""));
const columns = fc.integer({ min: 12, max: 100 });
const seed = fc.nat();

Deno.test("what others say never begins a row, whatever width the terminal gives it", () => {
  fc.assert(
    fc.property(
      said,
      fc.constantFrom("Bob", "Ж".repeat(32), "n".repeat(32), "日本"),
      columns,
      seed,
      (text, name, columns, seed) => {
        for (const line of shapesOf(text, name)) {
          for (const indent of indents(line, columns, widthsBy(seed))) {
            assert(indent >= 2, JSON.stringify(line));
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test(
  "signs of Arabic that some terminals show in a cell, and others in none, fake no line",
  SLOW,
  () => {
    for (const cells of [0, 1, 2]) {
      const pointWidth = (character: string) => character < "\x7f" ? 1 : cells;
      for (let count = 1; count < 80; count++) {
        for (const line of shapesOf("\u06dd".repeat(count) + FAKE, "Mal")) {
          for (const indent of indents(line, 80, pointWidth)) assert(indent >= 2, `${count} times`);
        }
      }
    }
  },
);
