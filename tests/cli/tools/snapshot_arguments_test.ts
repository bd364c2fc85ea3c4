import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { parseCommandLine } from "../../../lib/cli/args/arguments.ts";
import { serveProgramCommand } from "../../../lib/cli/group/serve_arguments.ts";
import { verifySnapshotCommand } from "../../../lib/cli/tools/snapshot_arguments.ts";
import { HOME, idle, parsedOptions } from "../parsed_options.ts";

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
    assertStringIncludes(error.message, "The form is p2pchat snapshot verify FILE");
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
