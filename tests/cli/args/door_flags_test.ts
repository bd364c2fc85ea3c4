import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { parseCommandLine } from "../../../lib/cli/args/arguments.ts";
import { DOOR_FLAGS } from "../../../lib/cli/args/door_flags.ts";
import type { DoorOptions, IrcPlace } from "../../../lib/cli/args/options.ts";
import { registryProgramCommand } from "../../../lib/cli/directory/registry_arguments.ts";
import { memberProgramCommand } from "../../../lib/cli/group/member_arguments.ts";
import { type MeshOptions, meshProgramCommand } from "../../../lib/cli/mesh/mesh_arguments.ts";
import { idle, parsedOptions } from "../parsed_options.ts";

const mesh = (line: string): MeshOptions => parsedOptions(meshProgramCommand, line.split(" "));

function irc(place: IrcPlace, passwordFile: string | null = null): DoorOptions {
  return { web: null, irc: { place, passwordFile } };
}

const ANY: IrcPlace = { type: "port", port: null };

Deno.test("--irc is read, with a port, a path, or neither; what follows it may be something else", () => {
  assertEquals(mesh("mesh Ann").doors, null);
  assertEquals(mesh("mesh Ann --irc").doors, irc(ANY));
  assertEquals(mesh("mesh Ann --irc --json").doors, irc(ANY));
  assertEquals(mesh("mesh Ann --irc 6700").doors, irc({ type: "port", port: 6_700 }));
  assertEquals(mesh("mesh Ann --irc 0").doors, irc({ type: "port", port: 0 }));
  assertEquals(mesh("mesh Ann --irc=6700").doors, irc({ type: "port", port: 6_700 }));
  assertEquals(mesh("mesh Ann --irc ./irc").doors, irc({ type: "path", path: "./irc" }));
  assertEquals(mesh("mesh Ann --irc --irc-password-file f").doors, irc(ANY, "f"));

  const { doors, name, contact } = mesh("mesh --irc Bob localhost 55107");
  assertEquals([doors, name, contact], [irc(ANY), "Bob", { host: "localhost", port: 55_107 }]);
});

Deno.test("--irc is read in groups and directories", () => {
  const words = (line: string) => `${line} --irc /tmp/irc`.split(" ");
  const there = irc({ type: "path", path: "/tmp/irc" });

  assertEquals(parsedOptions(memberProgramCommand, words("peer Ann --server h")).doors, there);
  assertEquals(parsedOptions(registryProgramCommand, words("peer ann --registry h")).doors, there);
});

Deno.test("--irc that can't be is refused in words", () => {
  const refused = (line: string, sentence: string) => {
    const error = assertThrows(() => mesh(line), P2pchatError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, sentence);
    return error.message;
  };

  refused("mesh Ann --irc 65536", "--irc must be a whole number from 0 to 65535");
  refused("mesh Ann --irc=here", "--irc must be a whole number from 0 to 65535");
  refused("mesh Ann --irc abc", "--irc takes a port (0 to 65535), or a path with a / in it, which");
  const noPort = '--web takes a port (0 to 65535), which "abc" isn\'t';
  assertEquals(refused("mesh Ann --web abc", noPort), noPort);
  for (const port of [1, 6_000, 6_667, 10_080]) { // of fetch's list
    refused(`mesh Ann --web ${port}`, `--web can't be ${port}: browsers refuse that port`);
  }
  refused("mesh --once hi --web abc", `${noPort}. --web is`); // it may be a name
  refused("mesh Ann --irc-password-file f", "--irc-password-file is the password of --irc");
  refused("mesh Ann --irc --once hi", "--irc is beside a console");
  refused("mesh Ann --irc --mcp", "--irc is beside a console");
});

Deno.test("--irc takes rights over the path that it names, and over none where it names none", async () => {
  const needs = async (line: string) => {
    const { name, form, example, help } = meshProgramCommand;
    const served = { name, form, example, help, flags: DOOR_FLAGS, options: () => null };
    const variable = (name: string) => name === "HOME" ? "/home/ann" : undefined;
    const request = parseCommandLine(line.split(" "), idle(served), variable);
    return request.type === "run" ? await request.needs() : [];
  };

  assertEquals(await needs("mesh Ann --irc"), []);
  assertEquals(await needs("mesh Ann --irc 6700"), []);
  assertEquals(await needs("mesh Ann --irc /tmp/irc --irc-password-file /tmp/pw"), [
    { path: "/tmp/irc", use: "listen" },
    { path: "/tmp/pw", use: "read" },
  ]);
});
