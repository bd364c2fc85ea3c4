import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type InputLine,
  LINE_BYTES_MAX,
  LineSplitter,
} from "../../../lib/cli/streams/line_splitter.ts";

const encoder = new TextEncoder();

function linesOf(...chunks: readonly (string | Uint8Array)[]): readonly InputLine[] {
  const splitter = new LineSplitter();
  const lines: InputLine[] = [];
  for (const chunk of chunks) {
    lines.push(...splitter.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk));
  }
  return [...lines, ...splitter.end()];
}

const CASES: readonly (readonly [title: string, text: string, lines: readonly InputLine[]])[] = [
  ["nothing", "", []],
  ["two lines", "one\ntwo\n", ["one", "two"]],
  ["a last line without its end", "one\ntwo", ["one", "two"]],
  ["empty lines", "\n\na\n", ["", "", "a"]],
  ["line ends of Windows", "a\r\nb\r\n", ["a", "b"]],
  ["a return within a line", "a\rb\n", ["a\rb"]],
  ["other separators, which end nothing", "a\u2028b\u0085c\n", ["a\u2028b\u0085c"]],
  ["a byte order mark at the start alone", "\ufeffa\n\ufeffb\n", ["a", "\ufeffb"]],
  ["wide text", "日本\n👩‍👩‍👧\n", ["日本", "👩‍👩‍👧"]],
];

for (const [title, text, lines] of CASES) {
  Deno.test(`LineSplitter reads ${title}, however it is cut`, () => {
    assertEquals(linesOf(text), lines);
    const bytes = encoder.encode(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assertEquals(linesOf(bytes.subarray(0, cut), bytes.subarray(cut)), lines, `cut at ${cut}`);
    }
  });
}

Deno.test("LineSplitter marks the lines that aren't UTF-8, and only those", () => {
  const bytes = Uint8Array.from([0x61, 0x0a, 0xff, 0x62, 0x0a, 0x63, 0x0a, 0xe6, 0x97]);
  assertEquals(linesOf(bytes), [
    "a",
    { type: "malformed", text: "\ufffdb" },
    "c",
    { type: "malformed", text: "\ufffd" },
  ]);
});

Deno.test("LineSplitter keeps nothing of an overlong line but its size", () => {
  const part = "x".repeat(655_360);
  const parts = Array.from({ length: 10 }, () => part);
  const overlong = { type: "overlong", bytes: 6_553_600 } as const;
  assertEquals(linesOf("a\n", ...parts, "\nb\n"), ["a", overlong, "b"]);
  assertEquals(linesOf(...parts), [overlong]);
  assertEquals(linesOf("x".repeat(LINE_BYTES_MAX)), ["x".repeat(LINE_BYTES_MAX)]);
});

Deno.test("LineSplitter gives back what was joined, whatever the chunks", () => {
  const line = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\n\r\ufeff]/g, ""));
  fc.assert(fc.property(fc.array(line), fc.nat(7), (lines, size) => {
    const bytes = encoder.encode(lines.map((text) => `${text}\n`).join(""));
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size + 1) {
      chunks.push(bytes.subarray(at, at + size + 1));
    }
    assertEquals(linesOf(...chunks), lines);
  }));
});
