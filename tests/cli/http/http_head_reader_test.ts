/** Heads of requests as browsers, monitors and nobody would send them. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { HttpHeadReader } from "../../../lib/cli/http/http_head_reader.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function readAtOnce(text: string) {
  return new HttpHeadReader(8_192).push(bytesOf(text));
}

Deno.test("a head is read however its bytes are cut, and what follows is given on", () => {
  const text =
    "POST /files?x HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX-Empty:\r\nA: \t b \t c \r\n\r\nbody";
  for (let size = 1; size <= text.length; size++) {
    const reader = new HttpHeadReader(8_192);
    let rest = "";
    let found: ReturnType<HttpHeadReader["push"]> = null;
    for (let at = 0; at < text.length; at += size) {
      const part = bytesOf(text.slice(at, at + size));
      if (found !== null) rest += new TextDecoder().decode(part);
      else found = reader.push(part);
    }
    assert(found?.type === "request");
    assertEquals(new TextDecoder().decode(found.rest) + rest, "body");
    const { method, path, headers } = found.request;
    assertEquals([method, path, [...headers]], ["POST", "/files?x", [
      ["host", "127.0.0.1:1"],
      ["x-empty", ""],
      ["a", "b \t c"],
    ]]);
  }
});

Deno.test("what isn't HTTP, or says one thing twice, is refused", () => {
  const heads = ["hello", "", "\x16\x03\x01", "GET http://x/ HTTP/1.1", "GET / HTTP/2", "GET /"]
    .concat(["OPTIONS * HTTP/1.1", "get / HTTP/1.1", "GET / / HTTP/1.1", "GET /\0 HTTP/1.1"]);
  const faults = [
    "A : b",
    " a: b",
    "a\r: b",
    "nothing",
    "Host: a\r\nhost: b",
    ": b",
    "a: b\n c: d",
  ];
  for (const head of [...heads, ...faults.map((line) => `GET / HTTP/1.1\r\n${line}`)]) {
    const found = readAtOnce(`${head}\r\n\r\n`);
    assertEquals(found?.type === "fault" && found.status, 400, head);
  }
});

Deno.test("a value with NUL or another control character is refused; a tab, and what isn't ASCII, isn't", () => {
  for (let code = 0; code < 256; code++) {
    const bytes = bytesOf("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n");
    bytes[bytes.indexOf(0x3f)] = code;
    const found = new HttpHeadReader(8_192).push(bytes);
    const isControl = (code < 32 && code !== 9) || code === 127;
    assertEquals(found?.type === "fault" ? found.status : found?.type, isControl ? 400 : "request");
  }
});

Deno.test("a head that is too long is refused by its bytes, whole or not", () => {
  const reader = new HttpHeadReader(8_192);
  let found: ReturnType<HttpHeadReader["push"]> = null;
  let bytes = 0;
  while (found === null) {
    assert(bytes <= 8_192);
    found = reader.push(bytesOf("a: b\r\n"));
    bytes += 6;
  }
  assertEquals(found.type === "fault" && found.status, 431);
  const whole = readAtOnce(`GET / HTTP/1.1\r\nA: ${"x".repeat(8_192)}\r\n\r\n`);
  assertEquals(whole?.type === "fault" && whole.status, 431);
});

Deno.test("as many cookies of other servers of this machine as a browser keeps are read", () => {
  const cookies = `a=${"x".repeat(720 * 1_024)}`;
  for (const size of [1_000, 1_000_000]) {
    const reader = new HttpHeadReader(768 * 1_024);
    const text = `GET / HTTP/1.1\r\nHost: a\r\ncOOkie: ${cookies}\r\nB: c\r\n\r\nrest`;
    let found: ReturnType<HttpHeadReader["push"]> = null;
    for (let at = 0; found === null && at < text.length; at += size) {
      found = reader.push(bytesOf(text.slice(at, at + size)));
    }
    assert(found?.type === "request");
    assertEquals([...found.request.headers], [["host", "a"], ["cookie", cookies], ["b", "c"]]);
  }
});

Deno.test("a line that is full of blanks is read at once", () => {
  const blanks = " \t".repeat(15_000);
  for (const line of [`a:${blanks}b`, `a:${blanks}\r`, `a:b${blanks}c`, `a${blanks}:b`, blanks]) {
    const reader = new HttpHeadReader(32_768);
    assert(reader.push(bytesOf(`GET / HTTP/1.1\r\n${line}\r\n\r\n`)) !== null);
  }
});

Deno.test("any bytes are a request, or refused, or wait for more", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
    const reader = new HttpHeadReader(100);
    for (const chunk of chunks) if (reader.push(chunk) !== null) break;
  }));
});
