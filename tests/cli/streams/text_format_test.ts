import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { MESSAGE_BYTES_MAX } from "../../../lib/base/text/text.ts";
import { ROW_CELLS } from "../../../lib/cli/rendering/graphemes.ts";
import { WRAPPING_OFF, WRAPPING_ON } from "../../../lib/cli/streams/terminal_mode.ts";
import { inviteLines } from "../../../lib/cli/credentials/invites.ts";
import { TextFormat, type TextFormatOptions } from "../../../lib/cli/streams/text_format.ts";
import { voteWantedLines } from "../../../lib/cli/rendering/edit_rendering.ts";
import { NameColours } from "../../../lib/cli/rendering/name_colours.ts";
import {
  EARLIER,
  messageStart,
  placedLine,
  presenceLine,
  wrongLine,
} from "../../../lib/cli/rendering/spans.ts";
import type { Line } from "../../../lib/cli/rendering/user_interface.ts";
import { NOON_MS } from "../memory_streams.ts";
import { cpuMs } from "../../cpu_time.ts";
import { SLOW } from "../../given.ts";

const PIPE = { colour: false, verbose: false, terminal: null };
const DAY_MS = 24 * 60 * 60 * 1_000;

function terminalOf(columns: number) {
  return { colour: false, verbose: false, terminal: { ...ROW_CELLS, columns: () => columns } };
}

interface Looks {
  readonly self?: string;
  readonly hasRules?: boolean;
  readonly said?: () => number | null;
}

/** As people see it who are called Alice, without rules unless `looks` says so. */
function lookOf(options: TextFormatOptions, looks: Looks = {}): TextFormatOptions {
  const { self = "Alice", hasRules = false, said = () => null } = looks;
  const names = new NameColours(false, () => []);
  return { ...options, look: { names, self: () => self, hasRules, said } };
}

function message(text: string): Line {
  return [{ timeMs: NOON_MS }, " <", { text: "Bob", as: "name" }, "> ", { text, as: "body" }];
}

Deno.test("TextFormat keeps a message on one line in a pipe", () => {
  const format = new TextFormat(PIPE, NOON_MS);
  assertEquals(format.format(message("two\nlines")), "12:03 <Bob> two␊lines\n");
});

Deno.test("TextFormat writes in a pipe what it writes with colours, without them", () => {
  const lines: readonly Line[] = [
    message("two\nlines\x1b[31m\u202e"),
    [{ timeMs: NOON_MS }, EARLIER, " <", { text: "B\tb", as: "name" }, "> ", {
      text: "it",
      as: "body",
    }],
    [{ timeMs: NOON_MS + DAY_MS }, { text: " ! ", as: "mark" }, "the next day"],
    [{ text: "-- missed since ", as: "rule" }, { timeMs: NOON_MS, nowMs: NOON_MS + DAY_MS }],
    ["Key: ", { text: "abc\x07", as: "exact" }, " ", { text: "you", as: "own" }],
    [{ timeMs: NOON_MS }, { text: "[you] ", as: "private" }, {
      text: "/me waves\u0300",
      as: "body",
      isPrivate: true,
    }],
  ];
  for (const verbose of [false, true]) {
    const pipe = new TextFormat({ ...PIPE, verbose }, NOON_MS);
    const coloured = new TextFormat({ ...PIPE, verbose, colour: true }, NOON_MS);
    for (const line of lines) {
      // deno-lint-ignore no-control-regex -- the escape sequences of styles alone: others are made visible
      const uncoloured = coloured.format(line).replace(/\x1b\[[0-9;]*m/g, "");
      assertEquals(pipe.format(line), uncoloured);
    }
  }
});

Deno.test("TextFormat indents a message of several lines on a terminal", () => {
  const format = new TextFormat(terminalOf(80), NOON_MS);
  assertEquals(
    format.format(message("two\nlines\n")),
    "12:03 <Bob> two\n            lines\n            \n",
  );
});

Deno.test("TextFormat breaks long lines at words, under the first one", () => {
  const format = new TextFormat(terminalOf(40), NOON_MS);
  assertEquals(
    format.format(message("one two three four five six seven eight")),
    "12:03 <Bob> one two three four five six\n            seven eight\n",
  );
});

Deno.test("TextFormat breaks a word of uncertain width under the first one, where it is wider than its line", () => {
  const format = new TextFormat(terminalOf(40), NOON_MS);
  assertEquals(
    format.format(message(`see /srv/größen.org/${"x".repeat(30)} now`)),
    `12:03 <Bob> see\n${WRAPPING_OFF}            /srv/größen.org/${WRAPPING_ON}\n` +
      "            xxxxxxxxxxxxxxxxxxxxxxxxxxx\n            xxx now\n",
  );
});

Deno.test("TextFormat leaves any word whole that is wider than its line: a path, 15,000 letters", () => {
  const format = new TextFormat(terminalOf(40), NOON_MS);
  const indent = " ".repeat(12);
  for (
    const word of [
      `/srv/example.org/${"x".repeat(30)}`,
      "x".repeat(15_000),
      `https://example.org/wiki/Special:Search?q=it's*${"y".repeat(30)}!`,
    ]
  ) {
    assertEquals(
      format.format(message(`see ${word} now`)),
      `12:03 <Bob> see\n${indent}${word}\n${indent}now\n`,
    );
    assertEquals(format.format(message(word)), `12:03 <Bob> ${word}\n`);
  }
});

Deno.test("TextFormat leaves a link whole, for the terminal to wrap and people to copy", () => {
  const format = new TextFormat(terminalOf(40), NOON_MS);
  const link = `https://example.org:8080/${"x".repeat(60)}?q=1&r=2#l5`;
  const indent = " ".repeat(12);
  assertEquals(
    format.format(message(`see ${link} now`)),
    `12:03 <Bob> see\n${indent}${link}\n${indent}now\n`,
  );
  assertEquals(format.format(message(link)), `12:03 <Bob> ${link}\n`);
  assertEquals(format.format(message(`日 ${link}`)), `12:03 <Bob> 日\n${indent}${link}\n`);
  const named: Line = [{ timeMs: NOON_MS }, " <Bø> ", { text: link, as: "body" }];
  assertEquals(
    format.format(named),
    `12:03 <Bø>\n${" ".repeat(11)}${link}\n`.replace("<Bø>", "<Bø> "),
    "it begins in a column that is certain",
  );
});

Deno.test("TextFormat breaks a link of which a row could be taken for something else", () => {
  const format = new TextFormat(terminalOf(40), NOON_MS);
  const start = "https://example.org/";
  for (const fake of ["03:30<Bob>no", "error:none", "Alice>", "03:30[Bob->you]", "*Bob*"]) {
    const shown = format.format(message(`${start}${"x".repeat(28 - start.length)}${fake} I quit`));
    const [, ...rest] = shown.trimEnd().split("\n");
    assert(rest.length > 0);
    for (const row of rest) assert(row.startsWith(" ".repeat(12)), shown);
    for (const row of shown.split("\n")) assert(row.length < 40, shown);
  }
});

const ACUTE = "\u0301";
const FOLDING = { rows: () => 120, keep: () => 7 };

Deno.test("TextFormat folds a body of more lines than a third of the terminal has", () => {
  const kept: Line[] = [];
  const folding = { rows: () => 120, keep: (line: Line) => kept.push(line) };
  const format = new TextFormat({ ...terminalOf(80), folding }, NOON_MS);
  const rows = (text: string) => format.format(message(text)).split("\n");

  assertEquals(rows("\n".repeat(40)).length, 42);
  assertEquals(rows(`${"x\n".repeat(39)}x`).length, 41);
  assertEquals(kept, []);
  const folded = rows("\n".repeat(65_000));
  assertEquals(folded.slice(40), [`${" ".repeat(12)}... 64,960 more lines: /show 1`, ""]);
  assertEquals(kept, [message("\n".repeat(65_000))]);
  assertEquals(rows(`${"x\n".repeat(40)}y`)[40], `${" ".repeat(12)}... 1 more line: /show 2`);

  assertEquals(format.format(kept[0]!, true).split("\n").length, 65_002);
  const piped = new TextFormat({ ...PIPE, folding }, NOON_MS);
  assertEquals(piped.format(message("\n".repeat(65_000))).length, "12:03 <Bob> \n".length + 65_000);
  assertEquals(kept.length, 2);
});

Deno.test("TextFormat shows of a folded body that was found the lines with what was searched for", () => {
  const format = new TextFormat({ ...terminalOf(80), folding: FOLDING }, NOON_MS);
  const lines = Array.from({ length: 60 }, (_, at) => `line ${at}`);
  const found = (searched: string, text = lines.join("\n")): readonly string[] =>
    format.format(["<Bob> ", { text, as: "body", searched }]).trimEnd().split("\n")
      .map((row) => row.trim());

  assertEquals(found("LINE 5"), [
    "<Bob> ...",
    ...["line 5", "...", ...lines.slice(50)],
    "... 49 more lines: /show 7",
  ]);
  assertEquals(found("line 0\nline 1"), found("nowhere"), "what is in no line alone");
  assertEquals(found("nowhere").length, 41);
  const all = found("line");
  assertEquals([all.length, all[0], all.at(-1)], [
    41,
    "<Bob> line 0",
    "... 20 more lines: /show 7",
  ]);
  assertEquals(found("b", "a\nb"), ["<Bob> a", "b"], "a short one is shown whole");
});

Deno.test("TextFormat goes on behind a folded body in a row of its own", () => {
  const format = new TextFormat({ ...terminalOf(80), folding: FOLDING }, NOON_MS);
  const line: Line = ["It reads: ", { text: "x\n".repeat(50), as: "body" }, " (asked by Bob)"];
  assertEquals(format.format(line).split("\n").slice(39), [
    "          x",
    "          ... 10 more lines: /show 7 (asked by Bob)",
    "",
  ]);
});

Deno.test("TextFormat shows none of an author's words where the signs of a long change stand", () => {
  const old = Array.from({ length: 210 }, (_, at) => `line ${at}`).join("\n");
  const text = `${"word ".repeat(14)}- 7 more\n${"word ".repeat(14)}... 9 lines unchanged`;
  const asks = {
    ...{ event: "vote-wanted", edit: 7, seq: 43, by: "Bob", old, new: text } as const,
    deadline: new Date(NOON_MS).toISOString(),
  };
  const lines = voteWantedLines(asks, { nowMs: NOON_MS, interactive: true }, (name) => name);
  const format = new TextFormat({ ...terminalOf(72), folding: FOLDING }, NOON_MS);
  const rows = format.format(lines.at(-1)!, true).split("\n").filter((row) => row !== "");
  assertEquals(rows.filter((row) => row.startsWith("      - ")).length, 210);
  assertEquals(rows.filter((row) => row.startsWith("      + ")).length, 2);
  assertEquals(rows.slice(210).map((row) => row.slice(0, 8)), [
    ...["      + ", "        ", "      + ", "        "],
  ]);
});

Deno.test("TextFormat shows at most 8 marks on a character at a terminal, and counts the rest", () => {
  const format = new TextFormat(terminalOf(80), NOON_MS);
  const piped = new TextFormat(PIPE, NOON_MS);
  const shown = (text: string) => format.format([text]).trimEnd();
  assertEquals(shown(`e${ACUTE.repeat(8)}`), `e${ACUTE.repeat(8)}`);
  assertEquals(shown(`e${ACUTE.repeat(9)}x`), `e${ACUTE.repeat(8)}<U+0301 x1>x`);
  assertEquals(shown(`e${ACUTE.repeat(32_000)}`), `e${ACUTE.repeat(8)}<U+0301 x31992>`);
  assertEquals(shown(`e${"\u0301\u0302".repeat(6_000)}`).slice(9), "<11,992 more marks>");
  assertEquals(shown("\u1100" + "\u1161".repeat(10)), `\u1100${"\u1161".repeat(8)}<U+1161 x2>`);
  const virama = "\u1000" + "\u1039\u200c".repeat(10_000); // the last joiner joins nothing
  assertEquals(shown(virama).slice(9), "<19,991 more marks><U+200C>");
  const joined = "\u0915" + ("\u0941".repeat(8) + "\u200d").repeat(2_400);
  assertEquals(shown(joined).slice(9), "<21,591 more marks><U+200D>");
  assertEquals(piped.format([`e${ACUTE.repeat(32_000)}`]).length, 32_002);
});

Deno.test("TextFormat breaks a body, and what follows it, at words under the text after the mark", () => {
  const edited = (text: string, ...before: Line): Line => [
    { timeMs: NOON_MS },
    ...before,
    " * ",
    "Entry 43 now reads: ",
    { text, as: "body" },
    "   (edit 7, asked by ",
    { text: "Alice", as: "own" },
    ", agreed by ",
    { text: "Bob", as: "name" },
    ")",
  ];
  const format = new TextFormat(terminalOf(60), NOON_MS);
  assertEquals(
    format.format(edited("at eight")),
    "12:03 * Entry 43 now reads: at eight   (edit 7, asked by\n" +
      `${" ".repeat(8)}Alice, agreed by Bob)\n`,
  );
  assertEquals(
    format.format(edited("at eight\nin the big house")),
    "12:03 * Entry 43 now reads: at eight\n" +
      `${" ".repeat(8)}in the big house   (edit 7, asked by Alice, agreed\n` +
      `${" ".repeat(8)}by Bob)\n`,
  );
  assertEquals(
    format.format(edited("at eight", EARLIER)),
    "12:03 (earlier) * Entry 43 now reads: at eight   (edit 7,\n" +
      `${" ".repeat(18)}asked by Alice, agreed by Bob)\n`,
  );
  assertEquals(
    new TextFormat(terminalOf(90), NOON_MS).format(edited("at eight")),
    "12:03 * Entry 43 now reads: at eight   (edit 7, asked by Alice, agreed by Bob)\n",
  );
  const colours = new TextFormat(lookOf({ ...terminalOf(60), colour: true }), NOON_MS);
  assertStringIncludes(colours.format(edited("at eight")), "\x1b[1mAlice\x1b[0m, agreed by \x1b[");
});

Deno.test("TextFormat puts a body under a name that leaves no room beside it", () => {
  const format = new TextFormat(terminalOf(30), NOON_MS);
  const name = { text: "a-name-of-twenty-four-ch", as: "name" } as const;
  assertEquals(
    format.format([name, "> ", { text: "one two three four five", as: "body" }]),
    "a-name-of-twenty-four-ch> one\n          two three four five\n",
  );
});

Deno.test("TextFormat breaks what stands before a body at words, and indents little where that is long", () => {
  const edit = (names: readonly string[]): Line => [
    "  edit 1, ",
    { timeMs: NOON_MS },
    ", asked by ",
    ...names.flatMap((text, index): Line => [index === 0 ? "" : ", ", { text, as: "name" }]),
    ": ",
    { text: "at eight\nin the big house by the lake", as: "body" },
    "   (the end)",
  ];
  assertEquals(
    new TextFormat(terminalOf(46), NOON_MS).format(edit(["Al", "Bo", "Cy"])),
    "  edit 1, 12:03, asked by Al, Bo, Cy: at\n" +
      "          eight\n" +
      "          in the big house by the lake   (the\n" +
      "          end)\n",
  );
  assertEquals(
    new TextFormat(terminalOf(80), NOON_MS).format(
      edit(["Bartholomew-the-elder", "Konstantin.Romanov", "Maximiliane_Schmid"]),
    ),
    "  edit 1, 12:03, asked by Bartholomew-the-elder, Konstantin.Romanov,\n" +
      "          Maximiliane_Schmid: at eight\n" +
      "          in the big house by the lake   (the end)\n",
  );
});

Deno.test("TextFormat lets nobody fake a line at a terminal that is as narrow as can be", () => {
  for (let columns = 3; columns <= 24; columns++) {
    const format = new TextFormat(terminalOf(columns), NOON_MS);
    const [, ...rest] = format.format(message("hi\n12:04 <Carol> me too\n")).split("\n");
    assertEquals(rest.pop(), "");
    for (const line of rest) assert(line.startsWith(" "), `${columns} columns: ${line}`);
    const said = format.format([{ timeMs: NOON_MS }, " * ", "It says: 12:04 <Carol> me too"]);
    const [, ...more] = said.trimEnd().split("\n");
    for (const line of more) assert(line.startsWith(" "), `${columns} columns: ${line}`);
  }
});

Deno.test("TextFormat breaks what the program says at words, under the text after the mark", () => {
  const format = new TextFormat(lookOf({ ...terminalOf(40), colour: true }), NOON_MS);
  const bob = { text: "Bob", as: "name" } as const;
  const mark = { text: " ! ", as: "mark" } as const;
  const lost: Line = [
    { timeMs: NOON_MS },
    mark,
    bob,
    " is lost: no answer; what you write is kept",
  ];
  const shown = format.format(lost);
  const plain = shown.split("\x1b[").map((part) => part.replace(/^\d+m/, ""));
  assertEquals(plain.join(""), "12:03 ! Bob is lost: no answer; what\n        you write is kept\n");
  assertStringIncludes(shown, "\x1b[33m ! \x1b[0m");
  assertStringIncludes(shown, "mBob\x1b[0m is lost");
});

Deno.test("TextFormat breaks a line without a time at words, and indents the rest", () => {
  const format = new TextFormat(terminalOf(24), NOON_MS);
  const digits = [
    "Compare with ",
    { text: "Bob", as: "name" },
    " by voice: 11111 22222  33333",
  ] as const;
  assertEquals(format.format(digits), "Compare with Bob by\n  voice: 11111 22222\n  33333\n");
  const own = ["Room of 2: ", { text: "Al", as: "own" }, " (you), ", {
    text: "Bob-of-twenty",
    as: "name",
  }] as const;
  assertEquals(format.format(own), "Room of 2: Al (you),\n  Bob-of-twenty\n");
});

Deno.test("TextFormat draws a QR code white on black, also where the background is light", () => {
  const invite = { invite: "w", line: "p2pchat mesh NAME h 1", qr: ["█▀ ▄", "▀▀▀▀"] };
  const rows = inviteLines(invite).slice(0, 2);
  const format = (colour: boolean) => new TextFormat({ ...terminalOf(20), colour }, NOON_MS);

  const drawn = rows.map((row) => format(true).format(row));
  assertEquals(drawn, ["\x1b[97;40m█▀ ▄\x1b[0m\n", "\x1b[97;40m▀▀▀▀\x1b[0m\n"]);
  assertEquals(rows.map((row) => format(false).format(row)), ["█▀ ▄\n", "▀▀▀▀\n"]);
});

Deno.test("TextFormat never breaks what is to be copied, and nothing in a pipe", () => {
  const line = [{ text: "Others join with: p2pchat mesh NAME", as: "exact" }] as const;
  assertEquals(
    new TextFormat(terminalOf(20), NOON_MS).format(line),
    "Others join with: p2pchat mesh NAME\n",
  );
  const beside = ["Others can join with: ", { text: "p2pchat mesh NAME", as: "exact" }] as const;
  assertEquals(
    new TextFormat(terminalOf(24), NOON_MS).format([...beside, ", or alone"]),
    "Others can join with:\n  p2pchat mesh NAME, or\n  alone\n",
    "words of the program beside it aren't cut",
  );
  assertEquals(
    new TextFormat(terminalOf(16), NOON_MS).format(beside),
    "Others can join\n  with:\n  p2pchat mesh NAME\n",
    "a terminal wraps what fits in no row",
  );
  assertEquals(
    new TextFormat(PIPE, NOON_MS).format(beside),
    "Others can join with: p2pchat mesh NAME\n",
  );
  const notice: Line = [{ timeMs: NOON_MS }, " * ", "word ".repeat(40)];
  assertEquals(new TextFormat(PIPE, NOON_MS).format(notice).split("\n").length, 2);
});

Deno.test("TextFormat shows seconds when it is verbose", () => {
  const format = new TextFormat({ ...PIPE, verbose: true }, NOON_MS);
  assertEquals(format.format(message("x")), "12:03:04 <Bob> x\n");
});

Deno.test("TextFormat announces a day once when it changes", () => {
  const format = new TextFormat(PIPE, NOON_MS);
  const at = (timeMs: number): Line => [{ timeMs }, " x"];
  assertEquals(format.format(at(NOON_MS)), "12:03 x\n");
  assertEquals(format.format(at(NOON_MS - DAY_MS)), "* 2026-01-01\n12:03 x\n");
  assertEquals(format.format(at(NOON_MS - DAY_MS)), "12:03 x\n");
  assertEquals(format.format(at(NOON_MS)), "* 2026-01-02\n12:03 x\n");
});

Deno.test("TextFormat gives names their colours, and makes oneself bold, problems and errors stand out, times faint", () => {
  const format = new TextFormat(lookOf({ ...PIPE, colour: true }), NOON_MS);
  const shown = (...line: Line) => format.format(line).replaceAll("\x1b[", "\\").trimEnd();
  assertEquals(shown({ text: "Bob", as: "name" }, " and "), "\\36mBob\\0m and");
  assertEquals(shown({ text: "Carol", as: "name" }), "\\32mCarol\\0m");
  assertEquals(shown({ text: "Bob", as: "name" }), "\\36mBob\\0m");
  assertEquals(shown({ text: "Al", as: "own" }), "\\1mAl\\0m");
  assertEquals(shown({ text: "error:", as: "error" }, " no"), "\\31merror:\\0m no");
  assertEquals(shown(...wrongLine(NOON_MS, "no")), "\\2m12:03\\0m\\33m ! \\0mno");
  assertEquals(
    shown(...presenceLine(NOON_MS, { text: "Bob", as: "name" }, " joined")),
    "\\2m12:03\\0m\\2m * \\0m\\36mBob\\0m\\2m joined\\0m",
  );
  assertEquals(
    shown({ text: "[", as: "private" }, { text: "hi Alice", as: "body", isPrivate: true }),
    "\\35m[\\0m\\35mhi \\0m\\1;7mAlice\\0m",
  );
});

Deno.test("TextFormat makes one's own name stand out where others mention it, and nothing that holds it", () => {
  const format = new TextFormat(lookOf({ ...terminalOf(80), colour: true }), NOON_MS);
  const body = (text: string, by: Line[number] = " <Bob> ") =>
    format.format([by, { text, as: "body" }]).trimEnd().split("> ")[1];
  const name = (text: string) => `\x1b[1;7m${text}\x1b[0m`;
  assertEquals(
    body("hey ALICE, @alice: Alice's"),
    `hey ${name("ALICE")}, @${name("alice")}: ${name("Alice")}'s`,
  );
  assertEquals(body("Alice"), name("Alice"));
  for (const other of ["Alices", "malice", "Alice~k7f3", "Alice-2", "al ice"]) {
    assertEquals(body(other), other);
  }
  assertEquals(body("I am Alice", { text: "<Alice> ", as: "own" })?.includes("\x1b[1;7m"), false);
  const piped = new TextFormat(lookOf(PIPE), NOON_MS);
  assertEquals(piped.format([{ text: "hey Alice", as: "body" }]), "hey Alice\n", "in a pipe");
});

Deno.test("TextFormat makes oneself and mentions bold at a terminal without colours, and nothing else", () => {
  const format = new TextFormat(lookOf(terminalOf(80)), NOON_MS);
  assertEquals(
    format.format([...message("hey Alice!"), { text: " [", as: "private" }]),
    "12:03 <Bob> hey \x1b[1;7mAlice\x1b[0m! [\n",
  );
  assertEquals(
    format.format([{ text: "<Alice>", as: "own" }, { text: " ! ", as: "mark" }, "hi"]),
    "\x1b[1m<Alice>\x1b[0m ! hi\n",
  );
});

Deno.test("TextFormat has what somebody said who was removed above the rule below the history, too", () => {
  const format = new TextFormat(lookOf(terminalOf(80), { hasRules: true }), NOON_MS);
  const said = { history: true, sentAt: new Date(NOON_MS).toISOString() };
  const shown = [said, { ...said, removed: true as const }, said].map((each) =>
    format.format([...messageStart(each, NOON_MS), "<Carol> ", { text: "hi", as: "body" }])
  );
  assertEquals(
    shown.join(""),
    "12:03 <Carol> hi\n12:03 (sender removed) <Carol> hi\n12:03 <Carol> hi\n",
  );
});

Deno.test("TextFormat puts a rule below the history, which is faint; what comes late says so itself", () => {
  const earlier: Line = [{ timeMs: NOON_MS }, EARLIER, " <Bob> ", { text: "hi", as: "body" }];
  const lines = [earlier, earlier, ["Room of 2."], message("now"), message("more"), earlier];
  const shown = (options: TextFormatOptions) => {
    const format = new TextFormat(options, NOON_MS);
    return lines.map((line) => format.format(line)).join("");
  };
  assertEquals(
    shown(lookOf(terminalOf(80), { hasRules: true })),
    "12:03 <Bob> hi\n12:03 <Bob> hi\nRoom of 2.\n" +
      "-- now --\n12:03 <Bob> now\n12:03 <Bob> more\n12:03 (earlier) <Bob> hi\n",
  );
  const each = "12:03 (earlier) <Bob> hi\n";
  const plain = `${each}${each}Room of 2.\n12:03 <Bob> now\n12:03 <Bob> more\n${each}`;
  assertEquals(shown(lookOf(terminalOf(80))), plain);
  assertEquals(shown(PIPE), plain);
  const coloured = new TextFormat(
    lookOf({ ...terminalOf(80), colour: true }, { hasRules: true }),
    NOON_MS,
  );
  for (const row of coloured.format(earlier).trimEnd().split("\n")) {
    const runs = row.split("\x1b[0m").filter((run) => run !== "");
    assert(runs.every((run) => run.startsWith("\x1b[2m")), JSON.stringify(row));
  }
});

Deno.test("TextFormat puts a rule above what is new since the user went away", () => {
  const since = [null, NOON_MS - 60_000, null];
  const looks = { hasRules: true, said: () => since.shift() ?? null };
  const format = new TextFormat(lookOf(terminalOf(80), looks), NOON_MS);
  const own: Line = [{ timeMs: NOON_MS }, { text: "Alice", as: "own" }, { text: "x", as: "body" }];
  const shown = [message("one"), own, [{ timeMs: NOON_MS }, " * Bob joined"], message("two")];
  assertEquals(
    shown.map((line) => format.format(line as Line)).join(""),
    "12:03 <Bob> one\n12:03\x1b[1mAlice\x1b[0mx\n12:03 * Bob joined\n-- new since 12:02 --\n12:03 <Bob> two\n",
  );
  assertEquals(since.length, 1, "neither one's own words nor events count");
});

const style = fc.constantFrom(
  ...["name", "own", "mark", "faint", "error", "private", "earlier", "body", "exact", "qr"],
);
const nasty = fc.array(
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\x1b[2J", "\x9b", "\r", "\n", "\u202e", "\u2028", " "),
  ),
).map((parts) => parts.join(""));
const span = fc.oneof(nasty, fc.record({ text: nasty, as: style }));

Deno.test("TextFormat lets nothing through that a terminal obeys, in any kind of span", () => {
  fc.assert(fc.property(fc.array(span), fc.integer({ min: 1, max: 100 }), (spans, columns) => {
    const line = spans as Line;
    const piped = new TextFormat(PIPE, NOON_MS).format(line);
    assertEquals(piped.indexOf("\n"), piped.length - 1);
    assert(!/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u.test(piped.slice(0, -1)));

    const shown = new TextFormat(terminalOf(columns), NOON_MS).format(line);
    const said = shown.replaceAll("\n", "").replaceAll(WRAPPING_OFF, "").replaceAll(
      WRAPPING_ON,
      "",
    );
    assert(!/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u.test(said));
  }));
});

/** Whatever looks at all of the text for each character takes four times as long for twice the text. */
const HARD_BYTES = 4 * MESSAGE_BYTES_MAX;
/** Over ten times what most take, half of what took longest when it wasn't linear. */
const FAST_MS = 600;
/** Texts of the longest message's size that are the hardest to show. */
const HARD: readonly string[] = [
  ...["\t", "\n", " ", "\u0001", "\u009b", "a", "a\n", "\u00e9", "\u00a0", "日", "日 ", "\u202e"],
  ...[
    "👍",
    "\u0301",
    "\u0301\n",
    "👨\u200d",
    "👨\u200d👩\u200d👧",
    "\u{1f1e9}",
    "\ufe0f",
    "\u{e0041}",
    "م\u0640",
    "\u1100",
  ],
];

Deno.test("TextFormat shows the longest messages fast, whatever they hold", SLOW, () => {
  const format = new TextFormat(terminalOf(80), NOON_MS);
  const encoder = new TextEncoder();
  for (const part of HARD) {
    const line = message(part.repeat(HARD_BYTES / encoder.encode(part).length));
    let leastMs = Infinity;
    for (let run = 0; run < 20 && leastMs > FAST_MS; run++) {
      leastMs = Math.min(leastMs, cpuMs(() => format.format(line)));
    }
    assert(leastMs <= FAST_MS, `${JSON.stringify(part)} took ${leastMs} ms`);
  }
});

Deno.test("TextFormat: a line about another room has its title behind the time, and is broken as others are", () => {
  const format = new TextFormat(terminalOf(40), NOON_MS);
  const lines = [
    message("one two three four five six"),
    wrongLine(NOON_MS, "one two three four five six seven eight"),
    [{ timeMs: NOON_MS }, EARLIER, " <", { text: "Bob", as: "name" }, "> ", {
      text: "hi",
      as: "body",
    }],
    ["no time, one two three four five six"],
  ] satisfies readonly Line[];
  assertEquals(
    lines.map((line) => format.format(placedLine(line, "club"))).join(""),
    "12:03 #club <Bob> one two three four\n" + `${" ".repeat(18)}five six\n` +
      "12:03 #club ! one two three four five\n" + `${" ".repeat(14)}six seven eight\n` +
      "12:03 #club (earlier) <Bob> hi\n" +
      "#club no time, one two three four five\n  six\n",
  );
  const title = "a long title of a club";
  assertEquals(
    lines.slice(0, 2).map((line) => format.format(placedLine(line, title))).join(""),
    `12:03 #${title} <Bob> one\n${" ".repeat(10)}two three four five six\n` +
      `12:03 #${title} ! one two\n${" ".repeat(10)}three four five six seven\n` +
      `${" ".repeat(10)}eight\n`,
    "no title leaves little room for what is below it",
  );
});
