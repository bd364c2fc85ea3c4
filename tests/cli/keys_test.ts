import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Key, KeyParser } from "../../lib/cli/keys.ts";

const encoder = new TextEncoder();

function keysOf(text: string): readonly Key[] {
  const parser = new KeyParser();
  return [...parser.push(encoder.encode(text)), ...parser.timeout()];
}

const press = (name: string) => ({ type: "press", name }) as Key;
const text = (value: string): Key => ({ type: "text", text: value });

const CASES: readonly (readonly [bytes: string, keys: readonly Key[]])[] = [
  ["héllo 日本", [text("héllo 日本")]],
  ["a\rb\n", [text("a"), press("enter"), text("b"), press("enter")]],
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
      const parser = new KeyParser();
      const keys = [
        ...parser.push(encoded.subarray(0, cut)),
        ...parser.push(encoded.subarray(cut)),
        ...parser.timeout(),
      ];
      assertEquals(joined(keys), whole, `${JSON.stringify(bytes)} cut at ${cut}`);
    }
  }
});

Deno.test("KeyParser waits for the rest of a sequence, not of text or a paste", () => {
  const parser = new KeyParser();
  const waits = (bytes: string) => {
    parser.push(encoder.encode(bytes));
    return parser.isWaiting;
  };
  assertEquals(waits("a"), false);
  assertEquals(waits("\x1b"), true);
  assertEquals(waits("[20"), true);
  assertEquals(waits("0~half a paste\x1b"), false);
  assertEquals(waits("[201~"), false);
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
  const parser = new KeyParser(() => nowMs);
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
