import { assertEquals, assertLess } from "@std/assert";
import {
  canonicalHost,
  hostSpellings,
  isLoopback,
  isUnicast,
  isUnspecified,
  parseHost,
  parsePort,
} from "../../../lib/base/text/endpoints.ts";
import { cpuMs } from "../../cpu_time.ts";

Deno.test("parseHost() takes names and addresses, and leaves brackets out", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["localhost", "localhost"],
    ["Chat.Example", "Chat.Example"],
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["[::1]", "::1"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["büro.example", "büro.example"],
    ["255.255.255.255", "255.255.255.255"],
    ["0.0.0.0", "0.0.0.0"],
    ["1.example", "1.example"],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
    ["0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1"],
  ];
  for (const [text, host] of cases) assertEquals(parseHost(text), host);
});

Deno.test("parseHost() takes nothing else", () => {
  const none = ["", " ", "a b", "a/b", "#a", "a#b", "a:1", "[a]", "[::1", "a\u202eb", "a\ud800"];
  const addresses = ["127.0.0.300", "1.2.3", "12345", "1.2.3.4.", "01.2.3.4", "1.2.3.4.5", "."];
  const longAddresses = ["1:2:3", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9", "::10.0.0.300", "::%"];
  // What a shell obeys: hosts stand in lines that people paste there.
  const shell = [
    "a;b",
    "$(a)",
    "`a`",
    "a&b",
    "a|b",
    "a>b",
    "a'b",
    'a"b',
    "a\\b",
    "*",
    "~",
    "-a",
    "!a",
  ];
  for (const text of [...none, ...addresses, ...longAddresses, ...shell, "x".repeat(256)]) {
    assertEquals(parseHost(text), null, text);
  }
});

Deno.test("canonicalHost() is one for all spellings", () => {
  const cases = [
    ["Chat.Example", "chat.example"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8::0001", "2001:db8::1"],
    ["fe80:0::1%eth0", "fe80::1%eth0"],
    ["127.0.0.1", "127.0.0.1"],
  ] as const;
  for (const [host, canonical] of cases) assertEquals(canonicalHost(host), canonical);
});

Deno.test("hostSpellings() has the names of this machine, and no other host's", () => {
  for (const host of ["localhost", "LocalHost", "127.0.0.1", "0::1"]) {
    assertEquals(hostSpellings(host), ["localhost", "127.0.0.1", "::1"]);
  }
  assertEquals(hostSpellings("127.0.0.2"), ["127.0.0.2"]);
  assertEquals(hostSpellings("Example.org"), ["example.org"]);
});

Deno.test("isUnspecified() and isLoopback() know addresses in any spelling", () => {
  assertEquals(["0.0.0.0", "::", "0::0", "::1"].map(isUnspecified), [true, true, true, false]);
  assertEquals(["127.0.0.9", "LocalHost", "0::1", "::"].map(isLoopback), [true, true, true, false]);
});

Deno.test("isUnicast() knows the addresses of many, and of none", () => {
  const many = ["224.0.0.1", "239.1.2.3", "255.255.255.255", "ff02::1", "FF02:0::1%eth0"];
  const none = ["0.0.0.0", "0.1.2.3", "::", "240.0.0.1", "::ffff:224.0.0.1", "::ffff:127.0.0.1"];
  for (const host of [...many, ...none]) assertEquals(isUnicast(host), false, host);
  const one = [
    "10.0.0.255",
    "127.0.0.1",
    "223.1.1.1",
    "::1",
    "fe80::1%eth0",
    "224.example",
    "ff02",
  ];
  for (const host of one) assertEquals(isUnicast(host), true, host);
});

Deno.test("parsePort() takes 1 to 65535", () => {
  for (const port of [1, 5001, 65_535]) assertEquals(parsePort(String(port)), port);
  for (const text of ["", "0", "65536", "-1", "1.5", "1e3", " 1", "99999999999999999999"]) {
    assertEquals(parsePort(text), null, text);
  }
});

Deno.test("parseHost() refuses any text of 64 KB at once", () => {
  const tookMs = cpuMs(() => {
    for (const text of ["[fa80:", "[", "fa80:"]) {
      assertEquals(parseHost(text + "0:".repeat(32_768)), null);
    }
  });
  assertLess(tookMs, 1_000);
});
