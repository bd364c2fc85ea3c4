import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  CLIENT_LINE_BYTES_MAX,
  type ClientLine,
  IrcLineSplitter,
} from "../../../lib/cli/irc/lines/irc_line_splitter.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";

function split(...parts: readonly string[]): readonly ClientLine[] {
  const splitter = new IrcLineSplitter();
  return parts.flatMap((part) => splitter.push(utf8(part)));
}

Deno.test("irc lines: end with CR LF, LF or CR; empty ones are none", () => {
  assertEquals(split("a\r\nb\nc\r\r\n\nd"), ["a", "b", "c"]);
  assertEquals(split("a", "b\r", "\nc\n"), ["ab", "c"]);
});

Deno.test("irc lines: however they are cut, they are the same", () => {
  const bytes = utf8("NICK Zoë\r\n\r\nPRIVMSG a :👩‍👩‍👧\nx");
  const whole = new IrcLineSplitter().push(bytes);
  fc.assert(fc.property(fc.nat({ max: bytes.length }), (at) => {
    const splitter = new IrcLineSplitter();
    assertEquals(
      [...splitter.push(bytes.subarray(0, at)), ...splitter.push(bytes.subarray(at))],
      whole,
    );
  }));
});

Deno.test("irc lines: a long one is told, and costs nothing", () => {
  const long = "x".repeat(5_000);

  assertEquals(split(`${long}\nok\n`), [{ bytes: 5_000, isUnended: false }, "ok"]);
  const splitter = new IrcLineSplitter();
  const part = utf8("y".repeat(CLIENT_LINE_BYTES_MAX));
  assertEquals(splitter.push(part), []);
  assertEquals(splitter.push(part), [{ bytes: 2 * CLIENT_LINE_BYTES_MAX, isUnended: true }]);
  assertEquals(splitter.push(utf8("\nok\n")), [
    { bytes: 2 * CLIENT_LINE_BYTES_MAX, isUnended: false },
    "ok",
  ]);
});

Deno.test("irc lines: tags have room of their own", () => {
  const tags = `@a=${"x".repeat(4_000)} `;

  assertEquals(split(`${tags}PING :x\n`), [`${tags}PING :x`]);
  assertEquals(split(`@a=${"x".repeat(5_000)} PING :x\n`).map((line) => typeof line), ["object"]);
});

Deno.test("irc lines: what isn't UTF-8 is replaced, and marked", () => {
  const splitter = new IrcLineSplitter();

  assertEquals(splitter.push(new Uint8Array([0x61, 0xff, 0x0a])), [{ replaced: "a\ufffd" }]);
});
