/**
 * Requests that no browser or monitor would send: however they are cut, they are the same; what is read of a head is
 * written so that it is read again; no value has a control character; and what somebody else's page asks gets nothing.
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { HttpHeadReader } from "../../../lib/cli/http/http_head_reader.ts";
import { routeOf } from "../../../lib/cli/page/page_routes.ts";
import type { Random } from "../../sim/random.ts";
import { Decisions, NO_TEXT, spoilt } from "../changes.ts";
import type { Target } from "../target.ts";

const PORT = 55_108;
const BYTES_MAX = 32 * 1_024;
const FIRST = [
  "GET / HTTP/1.1",
  "POST /files HTTP/1.1",
  "GET /socket?x HTTP/1.0",
  "HEAD /a HTTP/1.1",
]
  .concat(["GET http://x/ HTTP/1.1", "OPTIONS * HTTP/1.1", "DELETE /files HTTP/1.1"]);
/** Of each kind one is in a head, mostly. */
const FIELDS: readonly (readonly string[])[] = [
  [`Host: 127.0.0.1:${PORT}`, `Host: localhost:${PORT}`, "Host: evil.example"],
  [`Origin: http://127.0.0.1:${PORT}`, "Origin: null"],
  ["Connection: keep-alive, Upgrade"],
  ["Upgrade: websocket"],
  ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
  ["Sec-WebSocket-Version: 13"],
  ["Sec-WebSocket-Protocol: p2pchat.1, x"],
  ["Authorization: Bearer ticket"],
  ["Content-Length: 5", "Content-Length: 1e3", "Transfer-Encoding: chunked"],
  ["X-File-Name: a%20b.txt", "X-File-Name: %2e%2e%2fetc"],
];
const PIECES = [
  "\r\n",
  "\n",
  "\r",
  ":",
  " ",
  "\t",
  "\0",
  "\x7f",
  "\r\n ",
  "\r\n\r\n",
  " \t".repeat(2_000),
]
  .concat(FIRST, FIELDS.flat(), ["x".repeat(2_001), ":".repeat(100), "\u00e9"])
  .map(utf8)
  .concat(NO_TEXT);

function make(random: Random): Uint8Array {
  const fields = FIELDS.filter(() => random.chance(0.9)).map((each) => random.pick(each));
  const text = [random.pick(FIRST), ...fields].join("\r\n");
  return spoilt(utf8(`${text}\r\n\r\n${random.chance(0.5) ? "body" : ""}`), PIECES, random);
}

/** What a reader finds, and what comes behind it. */
function read(input: Uint8Array, ends: readonly number[], bytesMax = BYTES_MAX) {
  const reader = new HttpHeadReader(bytesMax);
  let from = 0;
  for (const end of ends) {
    const head = reader.push(input.slice(from, end));
    if (head?.type === "fault") return head;
    from = end;
    if (head !== null) return { ...head, rest: head.rest.length + input.length - end };
  }
  return null;
}

/** @returns Whether something is served. */
function check(input: Uint8Array): boolean {
  const { length } = input;
  const decisions = new Decisions(input);
  const cuts = Array.from({ length: decisions.below(6) }, () => decisions.below(length + 1));
  const head = read(input, [length]);
  assertEquals(read(input, [...cuts.sort((a, b) => a - b), length]), head);
  if (head === null || head.type === "fault") return false;
  const { method, path, headers } = head.request;
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`);
  // deno-lint-ignore no-control-regex
  for (const line of lines) assert(!/[\0-\x08\x0a-\x1f\x7f]/.test(line), JSON.stringify(line));
  const text = [`${method} ${path} HTTP/1.1`, ...lines, "\r\n"].join("\r\n");
  const codes = Array.from(text, (char) => char.charCodeAt(0));
  if (codes.every((code) => code < 256)) {
    const again = read(Uint8Array.from(codes), [text.length], text.length);
    assertEquals(again, { type: "request", request: head.request, rest: 0 });
  }
  const route = routeOf(head.request, PORT);
  if (route.to === "nothing") return false;
  const host = headers.get("host");
  assertEquals(host, `127.0.0.1:${PORT}`);
  const origin = headers.get("origin");
  assert(origin === `http://${host}` || (origin === undefined && route.to === "asset"));
  // deno-lint-ignore no-control-regex
  if (route.to === "upload") assert(!/[/\\\0-\x1f]/.test(route.name) && route.name !== "..");
  return true;
}

export const httpTarget: Target = { name: "http", pieces: PIECES, make, check };
