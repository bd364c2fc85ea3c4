/** Heads of requests as monitors, browsers and nobody would send them. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { answerText, parseRequest, plain } from "../../../lib/cli/metrics/http_messages.ts";

Deno.test("parseRequest: method, path and Accept", () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ["GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain", "GET", "/metrics", "text/plain"],
    ["HEAD /ready HTTP/1.0", "HEAD", "/ready", ""],
    ["GET /metrics?x=1#y HTTP/1.1\nACCEPT:a\nAccept: b", "GET", "/metrics", "a,b"],
    ["GET http://host:1/health HTTP/1.1", "GET", "/health", ""],
    ["GET //metrics HTTP/1.1", "GET", "//metrics", ""],
    ["GET /a\r\nAcceptable: x HTTP/1.1", "", "", ""],
  ];
  for (const [head, method, path, accept] of cases) {
    const request = parseRequest(head);
    if (method === "") assertEquals("status" in request && request.status, 400);
    else assertEquals(request, { method, path, accept } as typeof request);
  }
});

Deno.test("parseRequest: what isn't answered is refused in words", () => {
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ["POST /metrics HTTP/1.1", 405, /Only GET and HEAD/],
    ["OPTIONS * HTTP/1.1", 405, /Only GET and HEAD/],
    ["GET /metrics HTTP/2.0", 505, /HTTP\/1\.1/],
    ["GET /metrics", 400, /no HTTP request/],
    ["\x16\x03\x01\x02", 400, /no HTTP request/],
    ["", 400, /no HTTP request/],
    ["GET /me trics HTTP/1.1", 400, /no HTTP request/],
  ];
  for (const [head, status, text] of cases) {
    const answer = parseRequest(head);
    assertEquals<unknown>("status" in answer && answer.status, status, head);
    assertMatch("body" in answer ? answer.body : "", text);
  }
});

Deno.test("parseRequest: any bytes are a request, or refused", () => {
  const piece = fc.constantFrom(
    "GET",
    "HEAD",
    " ",
    "/",
    "HTTP/1.1",
    "\r\n",
    "\n",
    ":",
    "Accept",
    "\0",
  );
  fc.assert(fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
    const found = parseRequest(pieces.join(""));
    assertEquals("status" in found ? found.status >= 400 : found.path !== undefined, true);
  }));
});

Deno.test("answerText: a whole answer; to HEAD its head alone", () => {
  const answer = plain(200, "grün");
  const text = answerText(answer, "GET");

  assertStringIncludes(text, "HTTP/1.1 200 OK\r\n");
  assertStringIncludes(text, "Content-Length: 6\r\n");
  assertStringIncludes(text, "Connection: close\r\n\r\ngrün\n");
  assertEquals(answerText(answer, "HEAD"), text.slice(0, -"grün\n".length));
  assertStringIncludes(answerText(plain(405, "no"), "GET"), "Allow: GET, HEAD\r\n");
});
