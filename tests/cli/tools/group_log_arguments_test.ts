/** The words of `p2pchat log`. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  type ExportLogOptions,
  verifySnapshotCommand,
} from "../../../lib/cli/tools/group_log_arguments.ts";
import { HOME, idle, parsedOptions } from "../parsed_options.ts";
import { EXPORT, VERIFY } from "./group_log_cases.ts";
import { parseCommandLine } from "../../../lib/cli/args/arguments.ts";
import { serveProgramCommand } from "../../../lib/cli/group/serve_arguments.ts";

function exportOf(line: string): ExportLogOptions {
  return parsedOptions(EXPORT, line.split(" "));
}

Deno.test("p2pchat log understands its words", () => {
  const verify = parsedOptions(VERIFY, ["log", "verify", "a.txt"]);

  assertEquals(verify.file, "a.txt");
  assertEquals([exportOf("log export a.txt").file, exportOf("log export a.txt").format], [
    "a.txt",
    "text",
  ]);
  assertEquals(exportOf("log export a.txt csv").format, "csv");
  assertEquals(exportOf("log export a.txt --json").format, "json");
  assertEquals(exportOf("log export a.txt json --json").format, "json");
});

const REFUSED = [
  [
    "log export",
    "Usage: p2pchat log export FILE [text|json|csv] [KEY...], for example",
  ],
  ["log export a b", "KEY must be a fingerprint"],
  ["log export a --format csv", "has no flag --format any more: name it after FILE"],
  ["log export a.txt text --json", "--json and text can't both be"],
] as const;

for (const [line, sentence] of REFUSED) {
  Deno.test(`p2pchat refuses "${line}" and says why`, () => {
    const error = assertThrows(() => exportOf(line), P2pchatError);

    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, sentence);
  });
}

Deno.test("p2pchat log verify wants a file", () => {
  const error = assertThrows(() => parsedOptions(VERIFY, ["log", "verify"]), P2pchatError);
  assertStringIncludes(error.message, "Usage: p2pchat log verify FILE");
});

Deno.test("parseCommandLine() understands snapshot verify", () => {
  const options = parsedOptions(verifySnapshotCommand, [
    "snapshot",
    "verify",
    "a.txt",
    "--json",
  ]);

  assertEquals([options.file, options.json], ["a.txt", true]);
});

for (const line of ["snapshot verify", "snapshot verify a b"]) {
  Deno.test(`parseCommandLine() refuses ${line}`, () => {
    const read = () => parsedOptions(verifySnapshotCommand, line.split(" "));

    const error = assertThrows(read, P2pchatError);

    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, "Usage: p2pchat snapshot verify FILE");
  });
}

Deno.test("serve takes snapshots so often as it is told, or when asked alone", () => {
  const every = (...args: readonly string[]) =>
    parsedOptions(serveProgramCommand, ["serve", ...args]).snapshotEveryMs;

  assertEquals(every(), null);
  assertEquals(every("--snapshot-every", "1m"), 60_000);
  assertEquals(every("--snapshot-every", "100ms"), 100);
});

for (const value of ["99ms", "25h", "x", "0s"]) {
  Deno.test(`serve refuses --snapshot-every ${value}`, () => {
    const args = ["serve", "--snapshot-every", value];

    const error = assertThrows(
      () => parseCommandLine(args, idle(serveProgramCommand), (name) => HOME[name]),
      P2pchatError,
    );

    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, "--snapshot-every must be");
  });
}
