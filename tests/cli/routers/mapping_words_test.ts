/** What people are told of a port that their router was asked for. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { checkMapPort, MAPPED_OR_NAMED } from "../../../lib/cli/args/flags.ts";
import { mappingText } from "../../../lib/cli/routers/mapping_words.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { MappingNews } from "../../../lib/protocols/port_mapping/port_mapping_io.ts";

const external = { host: "203.0.113.7", port: 55_107 };
const router = "192.168.1.1";

const SAID: readonly (readonly [MappingNews, RegExp, boolean])[] = [
  [
    { kind: "mapped", by: "UPnP", router, external, isPermanent: true },
    /^The router at 192\.168\.1\.1 \(UPnP\) passes 203\.0\.113\.7:55107 on to you\..* delete "p2pchat"/,
    false,
  ],
  [{ kind: "proven", external }, /^Others reach you at 203\.0\.113\.7:55107 .*: join it$/, false],
  [{ kind: "unproven", external }, /^Nobody has come in by 203\.0\.113\.7:55107 yet/, false],
  [
    { kind: "failed", failure: { kind: "no-router" } },
    /forward port 4000 in its settings by hand, and start with --advertise\. It is asked again$/,
    true,
  ],
  [{ kind: "failed", failure: { kind: "no-address", router } }, /may be offline/, true],
  [
    { kind: "failed", failure: { kind: "refused", router, text: "it is turned off" } },
    /gives no port, as it is turned off: allow it, or forward port 4000/,
    true,
  ],
  [
    { kind: "failed", failure: { kind: "nonsense", router, text: "it gives no port" } },
    /isn't to be trusted, as it gives no port/,
    true,
  ],
  [{ kind: "all-taken", router }, /to other programs/, true],
  [
    { kind: "behind-another", router, host: "100.64.0.9" },
    /has the address 100\.64\.0\.9 itself, which the internet doesn't know/,
    true,
  ],
  [{ kind: "not-needed", host: "203.0.113.7" }, /isn't needed here/, false],
  [
    { kind: "changed", before: { ...external, port: 1 }, external },
    /passes 203\.0\.113\.7:55107 on to you now, no longer 203\.0\.113\.7:1\./,
    true,
  ],
  [
    { kind: "lost", before: external, failure: { kind: "no-router" } },
    /^203\.0\.113\.7:55107 no longer leads to you\. No router/,
    true,
  ],
  [{ kind: "left", external, isPermanent: false }, /it ends by itself within 20 min$/, true],
  [{ kind: "left", external, isPermanent: true }, /delete "p2pchat" in its settings$/, true],
];

for (const [news, text, isWarning] of SAID) {
  const what = "failure" in news ? `${news.kind}, ${news.failure.kind}` : news.kind;
  Deno.test(`mappingText() says in words: ${what} (${text})`, () => {
    const said = mappingText(news, { port: 4_000, mayMeet: false, joinedBy: () => "join it" });
    assertMatch(said.text, text);
    assertEquals(said.warning ?? false, isWarning);
  });
}

Deno.test("mappingText() names a meeting point where the router is no way out, if the mode has one", () => {
  const place = { port: 4_000, joinedBy: () => null };
  const failures: readonly MappingNews[] = [
    { kind: "failed", failure: { kind: "no-router" } },
    { kind: "failed", failure: { kind: "refused", router, text: "it is turned off" } },
    { kind: "all-taken", router },
    { kind: "behind-another", router, host: "100.64.0.9" },
    { kind: "lost", before: external, failure: { kind: "no-router" } },
  ];
  for (const news of failures) {
    assertMatch(mappingText(news, { ...place, mayMeet: true }).text, /or start with --meet, and/);
    assertEquals(mappingText(news, { ...place, mayMeet: false }).text.includes("--meet"), false);
  }
});

Deno.test("checkMapPort() refuses what says otherwise who is to reach this program", () => {
  const against = { advertise: MAPPED_OR_NAMED };
  checkMapPort({ mapPort: false, advertise: "chat.example" }, against);
  checkMapPort({ mapPort: true, advertise: null }, against);
  assertThrows(
    () => checkMapPort({ mapPort: true, advertise: "chat.example" }, against),
    P2pchatError,
    "--map-port finds out the address that others should use, and --advertise names it",
  );
});
