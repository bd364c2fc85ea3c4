import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { parseCommandLine } from "../../../lib/cli/args/arguments.ts";
import type { RegserverOptions } from "../../../lib/cli/directory/regserver_arguments.ts";
import { regserverProgramCommand } from "../../../lib/cli/directory/regserver_arguments.ts";
import { usageText } from "../../../lib/cli/args/usage.ts";
import { COMMON_OPTIONS, HOME, idle, parsedOptions } from "../parsed_options.ts";

const REGSERVER: RegserverOptions = {
  meeting: null,
  mapPort: false,
  engine: null,
  engineCa: null,
  engineCert: null,
  engineKey: null,
  engineUser: null,
  enginePasswordFile: null,
  ...COMMON_OPTIONS,
  host: null,
  port: 4_400,
  metrics: null,
  advertise: null,
  clientsMax: 1_000,
  guests: true,
  signUpsMax: 10,
  relays: true,
  broadcast: "all",
  ttlMs: 1_800_000,
};

const LINES: readonly (readonly [line: string, differences: Partial<RegserverOptions>])[] = [
  ["regserver", {}],
  ["regserver --port 7000 --host 10.0.0.1", { port: 7_000, host: "10.0.0.1" }],
  ["regserver --port 0", { port: 0 }],
  ["regserver --advertise chat.example:7", { advertise: { host: "chat.example", port: 7 } }],
  ["regserver --max-clients 1", { clientsMax: 1 }],
  ["regserver --max-clients 10000", { clientsMax: 10_000 }],
  ["regserver --accounts required", { guests: false }],
  ["regserver --accounts optional", {}],
  ["regserver --signup-limit 0", { signUpsMax: 0 }],
  ["regserver --no-relay", { relays: false }],
  ["regserver --broadcast all", {}],
  ["regserver --broadcast accounts", { broadcast: "accounts" }],
  ["regserver --broadcast operator", { broadcast: "operator" }],
  ["regserver --broadcast-ttl 0s", { ttlMs: 0 }],
  ["regserver --broadcast-ttl 90s", { ttlMs: 90_000 }],
  [
    "regserver --meeting-point",
    { meeting: { links: 64, rate: 1_000_000, roomLinks: 256, roomRate: 4_000_000 } },
  ],
  [
    "regserver --meeting-point links=9,rate=50KB,room-links=7,room-rate=2.5MB",
    { meeting: { links: 9, rate: 50_000, roomLinks: 7, roomRate: 2_500_000 } },
  ],
  ["regserver --broadcast-ttl 7d --json", { ttlMs: 604_800_000, json: true }],
];

for (const [line, differences] of LINES) {
  Deno.test(`parseCommandLine() understands "${line}"`, () => {
    assertEquals(parsedOptions(regserverProgramCommand, line.split(" ")), {
      ...REGSERVER,
      ...differences,
    });
  });
}

const REFUSED: readonly (readonly [line: string, sentence: string])[] = [
  ["regserver alice", 'Unexpected argument "alice". Usage: p2pchat regserver'],
  ["regserver --max-clients 0", "--max-clients must be a whole number from 1 to 10000"],
  ["regserver --max-clients 10001", "--max-clients must be a whole number from 1 to 10000"],
  ["regserver --accounts", "--accounts needs a value: WHICH"],
  ["regserver --accounts requird", "did you mean required?"],
  ["regserver --signup-limit -1", "--signup-limit must be a whole number from 0"],
  ["regserver --broadcast nobody", "--broadcast must be all, accounts or operator"],
  ["regserver --broadcast-ttl 10081m", "--broadcast-ttl must be a duration from 0s to 7d"],
  ["regserver --advertise 0.0.0.0", "at which people reach this machine"],
  ["regserver --engine-user p2pchat", "--engine-user is given without --engine"],
  ["regserver --meeting-links 9", "has no flag --meeting-links any more: --meeting-point links=N"],
  ["regserver --meeting-point links=0", "--meeting-point links must be a whole number from 1"],
  ["regserver --meeting-point rate=1KB", "must be a size from 16.384KB to 1GB such as"],
  ["regserver --meeting-point link=9", 'no limit "link": links, rate, room-links or room-rate'],
  ["regserver --relay", "The command regserver has no flag --relay"],
];

for (const [line, sentence] of REFUSED) {
  Deno.test(`parseCommandLine() refuses "${line}"`, () => {
    const variables = (name: string) => HOME[name];
    const error = assertThrows(
      () => parseCommandLine(line.split(" "), idle(regserverProgramCommand), variables),
      P2pchatError,
    );
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, sentence);
  });
}

Deno.test("the usage of regserver has its example and each of its flags", () => {
  const text = usageText([regserverProgramCommand], [regserverProgramCommand]);
  assertStringIncludes(text, "for example: p2pchat regserver");
  for (const { name } of regserverProgramCommand.flags) assertStringIncludes(text, `  --${name}`);
});
