import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { parseFingerprint } from "../../../lib/base/text/fingerprint.ts";
import type { RegistryOptions } from "../../../lib/cli/directory/registry_arguments.ts";
import { registryProgramCommand } from "../../../lib/cli/directory/registry_arguments.ts";
import { COMMON_OPTIONS, parsedOptions } from "../parsed_options.ts";

/** What `peer` would be run with. */
function optionsOf(line: string): RegistryOptions {
  return parsedOptions(registryProgramCommand, line.split(" "));
}

const KEY = parseFingerprint("ijtghrlfdthizyo5oecdgsej2yv");

const DEFAULTS: RegistryOptions = {
  passphraseFile: null,
  ...COMMON_OPTIONS,
  name: "alice",
  way: null,
  passwordFile: null,
  newPasswordFile: null,
  registry: { host: "chat.example", port: 4_400 },
  otherRegistries: [],
  registryKey: null,
  trustFirst: false,
  host: null,
  port: 0,
  wait: true,
  historyCount: null,
  keepsWords: true,
  downloads: null,
  save: null,
  filesMax: 10_000_000_000,
  doors: null,
};

const UNDERSTOOD: readonly (readonly [line: string, differences: Partial<RegistryOptions>])[] = [
  ["peer alice --registry chat.example", {}],
  ["peer --registry chat.example alice", {}],
  ["peer --registry chat.example", { name: null }],
  ["peer Zoe\u0308 --registry chat.example", { name: "Zoë" }],
  ["peer alice --registry chat.example:4401", { registry: { host: "chat.example", port: 4_401 } }],
  ["peer alice --registry [::1]:4401", { registry: { host: "::1", port: 4_401 } }],
  ["peer alice --registry chat.example --login", { way: "log-in" }],
  ["peer alice --registry chat.example --login --trust-first", { way: "log-in", trustFirst: true }],
  [`peer alice --registry chat.example#${KEY}`, { registryKey: KEY }],
  [`peer alice --registry [::1]:4401#${KEY}`, {
    registry: { host: "::1", port: 4_401 },
    registryKey: KEY,
  }],
  ["peer alice --registry chat.example --signup --password-file pw", {
    way: "sign-up",
    passwordFile: "pw",
  }],
  ["peer alice --registry chat.example --history 5", { historyCount: 5 }],
  ["peer alice --registry chat.example --no-history", { keepsWords: false }],
  ["peer alice --registry chat.example --guest", { way: "guest" }],
  ["peer alice --registry chat.example --login --password-file pw --new-password-file new", {
    way: "log-in",
    passwordFile: "pw",
    newPasswordFile: "new",
  }],
  ["peer alice --registry chat.example --host 10.0.0.3 --port 5000", {
    host: "10.0.0.3",
    port: 5_000,
  }],
  ["peer alice --registry chat.example --no-wait", { wait: false }],
];

for (const [line, differences] of UNDERSTOOD) {
  Deno.test(`registry arguments: ${line}`, () => {
    assertEquals(optionsOf(line), { ...DEFAULTS, ...differences });
  });
}

const REFUSED: readonly (readonly [line: string, code: string, text: string])[] = [
  ["peer alice bob --registry chat.example", "usage", "Usage: p2pchat peer [NAME]"],
  ["peer alice --registry chat.example#", "usage", "27 characters, has 0"],
  [`peer alice --registry chat.example#${KEY}:4401`, "usage", "27 characters, has 32"],
  [`peer alice --registry #${KEY}`, "usage", "--registry must be a host name"],
  ["peer a/b --registry chat.example", "bad-name", "a/b"],
  ["peer --registry chat.example --login", "usage", "NAME is missing: it is needed with --login"],
  ["peer alice --registry chat.example --login --guest", "usage", "--login and --guest"],
  ["peer alice --registry chat.example --password-file pw", "usage", "goes with --login or"],
  [
    "peer alice --registry chat.example --guest --password-file pw",
    "usage",
    "goes with --login or",
  ],
  [
    "peer alice --registry chat.example --signup --new-password-file x",
    "usage",
    "goes with --login",
  ],
  ["peer alice --registry chat.example:0", "usage", "--registry"],
  ["peer alice --registry chat.example --port 65536", "usage", "--port"],
  ["peer alice --registry chat.example --password hunter2", "usage", "--password"],
];

for (const [line, code, text] of REFUSED) {
  Deno.test(`registry arguments: refused is ${line}`, () => {
    const error = assertThrows(() => optionsOf(line), P2pchatError);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, text);
  });
}

for (const last of ["--password=hunter2", "hunter2"]) {
  Deno.test(`registry arguments: no password is repeated in an error: ${last}`, () => {
    const line = `peer alice --registry chat.example ${last}`;
    const error = assertThrows(() => optionsOf(line), P2pchatError);
    assertEquals(error.message.includes("hunter2"), false);
  });
}
