import { assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import { encodeInvite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import { joinOptions, machineHint } from "../../../lib/cli/mesh/join_options.ts";
import { meshProgramCommand } from "../../../lib/cli/mesh/mesh_arguments.ts";
import { parsedOptions } from "../parsed_options.ts";

const FIRST = parsedOptions(meshProgramCommand, [
  ..."mesh Alice 192.0.2.1 55107 --port 55108 --title Home --json --history 7".split(" "),
  ..."--advertise chat.example:9 --downloads /downloads --host 127.0.0.1".split(" "),
]);

function joined(where: string) {
  const { options, invite } = joinOptions(where, FIRST);
  assertEquals(invite, null);
  const { contact, contactKey, room, title, foundNew, foundPrivate, port, historyCount } = options;
  return { contact, contactKey, room, title, foundNew, foundPrivate, port, historyCount };
}

const NOTHING = {
  contact: null,
  contactKey: null,
  room: null,
  title: null,
  foundNew: false,
  foundPrivate: false,
  port: null,
  historyCount: 7,
};
const THERE = { ...NOTHING, contact: { host: "192.0.2.7", port: 55109 } };

const FORMS: readonly (readonly [string, ReturnType<typeof joined>])[] = [
  ["192.0.2.7 55109", THERE],
  [" 192.0.2.7:55109 ", THERE],
  ["192.0.2.7 55109 --title The club --history 3", {
    ...THERE,
    title: "The club",
    historyCount: 3,
  }],
  ["--title 'The club' 192.0.2.7 55109 --port 0", { ...THERE, title: "The club", port: 0 }],
  ["--room The club", { ...NOTHING, room: "The club" }],
  ['--room="The club"', { ...NOTHING, room: "The club" }],
  ["--room 603e", { ...NOTHING, room: "603e" }],
  ["the club", { ...NOTHING, room: "the club" }],
  ["#club", { ...NOTHING, room: "club" }],
  ["club 99999", { ...NOTHING, room: "club 99999" }],
  ["--new --title Other", { ...NOTHING, foundNew: true, title: "Other" }],
  ["--private", { ...NOTHING, foundPrivate: true }],
];

for (const [where, wanted] of FORMS) {
  Deno.test(`/join ${where} is read as after NAME on the command line`, () => {
    assertEquals(joined(where), wanted);
  });
}

Deno.test("/join says what leads to a machine where a word is no room's title", () => {
  assertEquals(
    machineHint("chat.example"),
    "; if chat.example is a machine, its port is missing: /join chat.example 55107",
  );
  assertEquals([machineHint("the club"), machineHint("a_b!")], ["", ""]);
});

Deno.test("/join knows words to say without --words", () => {
  for (const where of ["7-cross-clock", " 7 cross clock"]) {
    assertEquals(joinOptions(where, FIRST).options.words, where.trim());
  }
  assertEquals(joinOptions("7-cross-clock 10.0.0.5 6000", FIRST).options.contact?.port, 6_000);
});

Deno.test("/join keeps what is the program's, and no port of the first room", () => {
  const { options } = joinOptions("--new", FIRST);
  assertEquals(
    [options.name, options.host, options.json, options.downloads, options.advertise],
    ["Alice", "127.0.0.1", true, "/downloads", { host: "chat.example", port: null }],
  );
});

const REFUSED: readonly (readonly [string, string, string])[] = [
  ["--json club", "usage", "/join takes no --json, but --room"],
  ["192.0.2.7 55109 --invite-file x", "usage", "/join takes no --invite-file"],
  ["-h", "usage", "/join takes no --h"],
  ["--invite", "usage", "/join --invite WORD"],
  ["--title Club", "usage", "--title leads to no room. Usage: /join HOST PORT"],
  ["--title Club", "usage", "/join --words CODE, /join TITLE or /join --new"],
  ["--lan", "usage", "/join takes no --lan"],
  ["--invite nonsense", "bad-credentials", "Cannot read the invite"],
  ["192.0.2.7 55109 --new", "usage", "--new creates a room, and 192.0.2.7:55109 joins one"],
  ["192.0.2.7: 55109", "usage", ""],
  ["192.0.2.7 --title Club", "usage", "after 192.0.2.7: /join 192.0.2.7 55107, unless"],
  ["--key abc", "usage", ""],
  ["--new --room 'a --data /b'", "usage", '--room "a --data /b" goes back to a room'],
  ["localhost", "usage", "missing after localhost: /join localhost 55107, unless"],
  ["192.0.2.7", "usage", "missing after 192.0.2.7: /join 192.0.2.7 55107, unless"],
  ["LocalHost --title Club", "usage", "missing after LocalHost: /join LocalHost 55107"],
  ["localhost 99999", "usage", "PORT"],
];

for (const [where, code, text] of REFUSED) {
  Deno.test(`/join ${where} is refused by what is wrong`, () => {
    const error = assertThrows(() => joinOptions(where, FIRST), P2pchatError, text);
    assertEquals([error.code, error.message.includes("p2pchat mesh")], [code, false]);
  });
}

const INVITE = {
  room: "0123456789abcdef".repeat(4) as RoomId,
  secret: null,
  endpoints: [{ host: "192.0.2.7", port: 55_109 }],
};
const WORD = encodeInvite(INVITE);

for (
  const [where, title] of [
    ["WORD", null],
    ["<WORD>.", null],
    ["--invite WORD", null],
    ["WORD --title The club", "The club"],
    ["--title Club WORD", "Club"],
    ["--port 0 WORD --title 'The club'", "The club"],
    ["--title=Club --invite=WORD", "Club"],
    ["--invite WORD --title The club", "The club"],
    ["192.0.2.7 55109 WORD", null],
    ["192.0.2.7:55109 --title Club WORD", "Club"],
  ] as const
) {
  Deno.test(`/join ${where} joins the room of the invite`, () => {
    const { options, invite } = joinOptions(where.replace("WORD", WORD), FIRST);
    assertEquals([invite, options.title], [INVITE, title]);
    assertEquals(options.contact !== null, where.startsWith("192"));
  });
}

Deno.test("/join takes an invite that came broken in two", () => {
  const broken = `${WORD.slice(0, 40)} ${WORD.slice(40)}`;
  assertEquals(joinOptions(broken, FIRST).invite, INVITE);
  assertThrows(() => joinOptions(`${WORD}x --title Club`, FIRST), P2pchatError, "Cannot read");
});

Deno.test("an invite that is entered alone isn't said; as a part of a text, or on purpose, it is", () => {
  for (const line of [WORD, ` ${WORD.toUpperCase()} `, `"${WORD}"`, `<${WORD}>.`]) {
    const parsed = meshCommands.parse(line, false);
    assertEquals(
      parsed.type === "refused" && [parsed.error.code, parsed.error.message],
      ["usage", "That is an invite; /join --invite WORD joins its room"],
    );
  }
  const wrong = `${WORD.slice(0, -1)}${WORD.endsWith("a") ? "b" : "a"}`;
  for (const line of [wrong, `use ${WORD}`, `//${WORD}`, `/msg Bob ${WORD}`, "a".repeat(20_000)]) {
    assertEquals(meshCommands.parse(line, false).type, "command", line);
  }
});
