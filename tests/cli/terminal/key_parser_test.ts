import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Key, KeyParser } from "../../../lib/cli/terminal/key_parser.ts";

const encoder = new TextEncoder();

function keysOf(text: string): readonly Key[] {
  const parser = openParser();
  return [...parser.push(encoder.encode(text)), ...parser.timeout()];
}

/** A parser of keys that are pressed long after the start. */
function openParser(nowMs: () => number = () => 0): KeyParser {
  let isMade = false;
  const parser = new KeyParser(() => isMade ? nowMs() : -60_000);
  isMade = true;
  return parser;
}

const press = (name: string) => ({ type: "press", name }) as Key;
const text = (value: string): Key => ({ type: "text", text: value });

const CASES: readonly (readonly [bytes: string, keys: readonly Key[]])[] = [
  ["héllo 日本", [text("héllo 日本")]],
  ["a\rb\n", [text("a"), press("enter"), text("b"), press("newline")]],
  ["first\x1b\rsecond", [text("first"), press("newline"), text("second")]],
  // A terminal's answers: its colour, its name, its size in the title, what it can do.
  ["\x1b]11;rgb:0000/0000/0000\x07K", [text("K")]],
  ["\x1b]11;rgb:0000/0000/0000\x1b\\K", [text("K")]],
  ["\x1bP>|tmux 3.3a\x1b\\K", [text("K")]],
  ["\x1b_Gi=1;OK\x1b\\K\x1b^x\x9cL", [text("K"), text("L")]],
  ["\x1b]11;rgb:0\rK", [press("enter"), text("K")]],
  ["\x1b]11;rgb:0\x1b[DK", [press("left"), text("K")]],
  ["\x1b[A\x1bOB", [press("up"), press("down")]],
  ["\x1b[1;5C\x1b[1;3D\x1b[1;2C", [press("word-right"), press("word-left"), press("right")]],
  ["\x1b[H\x1b[4~\x1b[7~\x1bOF", [press("home"), press("end"), press("home"), press("end")]],
  ["\x1b[3~\x1b[3;5~", [press("delete"), press("delete-word-right")]],
  ["\x1bb\x1bf\x1b\x7f", [press("word-left"), press("word-right"), press("delete-word-left")]],
  ["\x1b", [press("escape")]],
  ["\x1b\x1b[A", [press("up")]],
  ["\x1b[5~\x1b[15;2~\x1b[Z\x1bx\x00\x1c", []],
  ["\x1b[?1;2c\x1b[24;80R", []],
  ["\x1b[<0;1;1Mx", [text("x")]],
  ["\x1b[200~a\rb\x1b[31m\x1b[201~c", [{ type: "paste", text: "a\nb\x1b[31m" }, text("c")]],
  ["\x1b[200~\x1b[201~", [{ type: "paste", text: "" }]],
  ["\x9b", []],
];

for (const [bytes, keys] of CASES) {
  Deno.test(`KeyParser reads ${JSON.stringify(bytes)}`, () => {
    assertEquals(keysOf(bytes), keys);
  });
}

/** Runs of text may arrive in parts; pressed one after the other they come to the same. */
function joined(keys: readonly Key[]): readonly Key[] {
  const whole: Key[] = [];
  for (const key of keys) {
    const last = whole.at(-1);
    if (key.type === "text" && last?.type === "text") {
      whole[whole.length - 1] = text(last.text + key.text);
    } else whole.push(key);
  }
  return whole;
}

Deno.test("KeyParser reads the same keys however their bytes are cut", () => {
  for (const [bytes] of CASES) {
    const encoded = encoder.encode(bytes);
    const whole = joined(keysOf(bytes));
    for (let cut = 0; cut <= encoded.length; cut++) {
      let nowMs = 0;
      const parser = openParser(() => nowMs);
      const first = parser.push(encoded.subarray(0, cut));
      nowMs = 60;
      const keys = [
        ...first,
        ...parser.push(encoded.subarray(cut)),
        ...parser.timeout(),
      ];
      assertEquals(joined(keys), whole, `${JSON.stringify(bytes)} cut at ${cut}`);
    }
  }
});

Deno.test("KeyParser waits for the rest of a sequence, not of text or a paste", () => {
  let nowMs = 0;
  const parser = openParser(() => nowMs);
  const waits = (bytes: string | Uint8Array) => {
    parser.push(typeof bytes === "string" ? encoder.encode(bytes) : bytes);
    return parser.waitMs;
  };
  assertEquals(waits("a"), null);
  assertEquals(waits("\x1b"), 500);
  assertEquals(waits("[20"), 2_000);
  assertEquals(waits("0~half a paste\x1b"), null);
  assertEquals(waits("[201~"), null);
  assertEquals(waits(Uint8Array.of(0xe6, 0x97)), 500);
  assertEquals(waits(Uint8Array.of(0xa5)), null);
  assertEquals(waits("\x1b]11;"), 2_000);
  nowMs = 1_500;
  assertEquals(waits("rgb"), 500, "for an answer at most so long, whatever comes");
});

Deno.test("KeyParser types nothing of a sequence whose rest comes late", () => {
  let nowMs = 0;
  const parser = openParser(() => nowMs);
  const push = (bytes: string, atMs: number) => {
    nowMs = atMs;
    return parser.push(encoder.encode(bytes));
  };
  assertEquals(push("\x1b", 0), []);
  assertEquals(push("[D", 60), [press("left")]);
  assertEquals(push("\x1b[20", 100), []);
  assertEquals(push("0~one\rtwo\x1b[20", 160), []);
  assertEquals(push("1~", 900), [{ type: "paste", text: "one\ntwo" }]);
});

Deno.test("KeyParser comes back to keys where the rest never comes", () => {
  let nowMs = 0;
  const parser = openParser(() => nowMs);
  const push = (bytes: string, atMs: number) => {
    nowMs = atMs;
    return parser.push(encoder.encode(bytes));
  };
  for (const start of ["\x1b[2", "\x1b]1", "\x1bP"]) {
    assertEquals(push(start, nowMs + 10_000), []);
    assertEquals(push("x", nowMs + 2_000), [text("x")], start);
  }
  assertEquals(push("\x1b", nowMs + 10_000), []);
  assertEquals(push("b", nowMs + 500), [press("escape"), text("b")]);
});

Deno.test("KeyParser tells of bytes that aren't UTF-8", () => {
  let nowMs = 0;
  const parser = openParser(() => nowMs);
  const malformed = { type: "malformed" } as const;
  assertEquals(parser.push(Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0d)), [
    malformed,
    text("caf\ufffd"),
    press("enter"),
  ]);
  assertEquals(parser.push(Uint8Array.of(0x63, 0xe9)), [text("c")]);
  nowMs = 500;
  assertEquals(parser.timeout(), [malformed, text("\ufffd")]);
  assertEquals(parser.push(encoder.encode("\ufffd")), [text("\ufffd")], "typed as it is");
});

Deno.test("KeyParser takes a line feed for Enter where it was typed before raw mode", () => {
  let nowMs = 0;
  const parser = new KeyParser(() => nowMs);
  const line = encoder.encode("yes\n");
  const entered = [text("yes"), press("enter")];
  assertEquals(parser.push(line), entered);
  assertEquals(parser.push(line), [text("yes"), press("newline")]);
  parser.resumed();
  nowMs = 999;
  assertEquals(parser.push(line), entered);
  parser.resumed();
  nowMs = 2_000;
  assertEquals(parser.push(line), [text("yes"), press("newline")]);
});

Deno.test("KeyParser takes any bytes, and comes back from them", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const parser = new KeyParser();
    parser.push(bytes);
    parser.timeout();
    parser.push(encoder.encode("\x1b[201~"));
    parser.timeout();
    assertEquals(parser.push(encoder.encode("x")).at(-1), text("x"));
  }));
});

Deno.test("KeyParser ends a paste without its end at a Ctrl+C that somebody presses", () => {
  let nowMs = 0;
  const parser = openParser(() => nowMs);
  const push = (bytes: string) => parser.push(encoder.encode(bytes));
  assertEquals(push("\x1b[200~one\r"), []);
  assertEquals(push("\x03"), []); // pasted, like the rest
  nowMs = 5_000;
  assertEquals(push("two\r\x03"), []);
  nowMs = 5_900;
  assertEquals(push("\x03"), []);
  nowMs = 6_000;
  assertEquals(push("\x03"), [
    { type: "paste", text: "one\n\x03two\n\x03\x03" },
    press("interrupt"),
  ]);
  assertEquals(push("x"), [text("x")]);
});

Deno.test("Alt+A goes to what is unseen, also in capitals", () => {
  assertEquals(keysOf("\x1ba\x1bAa"), [
    { type: "unseen" },
    { type: "unseen" },
    { type: "text", text: "a" },
  ]);
});

Deno.test("Alt and a digit is a number; 0 is none", () => {
  assertEquals(keysOf("\x1b1\x1b9\x1b0x"), [
    { type: "number", number: 1 },
    { type: "number", number: 9 },
    { type: "text", text: "x" },
  ]);
});
