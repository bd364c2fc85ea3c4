import { assertEquals, assertStringIncludes } from "@std/assert";
import { bytesOf, plain } from "../../../lib/cli/metrics/http_messages.ts";

const textOf = (...given: Parameters<typeof bytesOf>) =>
  new TextDecoder().decode(bytesOf(...given));

Deno.test("bytesOf: a whole answer; to HEAD its head alone", () => {
  const answer = plain(200, "grün");
  const text = textOf(answer, "GET");

  assertStringIncludes(text, "HTTP/1.1 200 OK\r\n");
  assertStringIncludes(text, "Content-Length: 6\r\n");
  assertStringIncludes(text, "Connection: close\r\n\r\ngrün\n");
  assertEquals(textOf(answer, "HEAD"), text.slice(0, -"grün\n".length));
  assertStringIncludes(textOf(plain(405, "no"), "GET"), "Allow: GET, HEAD\r\n");
});
