import { assertEquals } from "@std/assert";
import { parseHost, parsePort } from "../../lib/base/endpoints.ts";

Deno.test("parseHost() takes names and addresses, and leaves brackets out", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["localhost", "localhost"],
    ["Chat.Example", "Chat.Example"],
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["[::1]", "::1"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["büro.example", "büro.example"],
  ];
  for (const [text, host] of cases) assertEquals(parseHost(text), host);
});

Deno.test("parseHost() takes nothing else", () => {
  const none = ["", " ", "a b", "a/b", "#a", "a#b", "a:1", "[a]", "[::1", "a\u202eb", "a\ud800"];
  for (const text of [...none, "x".repeat(256)]) assertEquals(parseHost(text), null, text);
});

Deno.test("parsePort() takes 1 to 65535", () => {
  for (const port of [1, 5001, 65_535]) assertEquals(parsePort(String(port)), port);
  for (const text of ["", "0", "65536", "-1", "1.5", "1e3", " 1", "99999999999999999999"]) {
    assertEquals(parsePort(text), null, text);
  }
});
