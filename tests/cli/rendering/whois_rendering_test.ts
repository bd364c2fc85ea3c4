/** The answers to `/whois` and `/whoami` as lines, the same in every mode. */

import { assertEquals } from "@std/assert";
import type { WhoisView } from "../../../lib/base/machine/mode_machine.ts";
import { whoisLines } from "../../../lib/cli/rendering/verify_rendering.ts";

const BOB = {
  name: "Bob",
  self: false,
  key: "key",
  host: "192.0.2.1",
  port: 5_001,
  route: "direct",
} as const satisfies WhoisView;

function texts(who: WhoisView, relay?: string): readonly string[] {
  return whoisLines(who, relay).map((line) =>
    line.map((span) => typeof span === "string" ? span : "text" in span ? span.text : "").join("")
  );
}

/** What `--copy` copies: the last exact text. */
function copied(who: WhoisView): string | undefined {
  const spans = whoisLines(who).flat().flatMap((span) =>
    typeof span === "object" && "as" in span && span.as === "exact" ? [span.text] : []
  );
  return spans.at(-1);
}

Deno.test("/whois: key, since when, route, and whether the key is verified, under this name or another", () => {
  assertEquals(texts({ ...BOB, since: "2026-11-20", verified: true }), [
    "Bob  192.0.2.1:5001  connected directly",
    "Key: key, known since 2026-11-20",
    "It is verified.",
  ]);
  assertEquals(texts({ ...BOB, route: "relay" }, "a meeting point"), [
    "Bob  192.0.2.1:5001  connected through a meeting point",
    "Key: key",
    "Not verified: /verify Bob",
  ]);
  assertEquals(
    texts({ ...BOB, verified: false, verifiedAs: ["mallory"] }).at(-1),
    "It is the key that you verified as mallory.",
  );
});

Deno.test("/whois: somebody without a key, address or connection; what they say of being away is quoted", () => {
  const who = { ...BOB, key: null, host: "", port: 0, route: null, away: 'x"  is back' };
  assertEquals(texts(who), [`Bob  not connected  away: "x' is back"`, "Key: not known yet"]);
});

Deno.test("/whoami: --copy copies the line to pass on, or else the key", () => {
  const self = { ...BOB, self: true, route: null };
  assertEquals(texts(self), ["Bob (you)  192.0.2.1:5001", "Your key: key"]);
  assertEquals(copied(self), "key");
  assertEquals(copied({ ...self, line: "bob 192.0.2.1 5001 key" }), "bob 192.0.2.1 5001 key");
});
