import { assertEquals } from "@std/assert";
import { askedPath, complete, completedPath } from "../../../lib/cli/terminal/completion.ts";
import { friendsCommands } from "../../../lib/cli/friends/friends_commands.ts";
import { registryCommands } from "../../../lib/cli/directory/registry_commands.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";

const NAMES = ["Alice", "Bob", "Bobby", "Zoë", "Straße", "Вob"];

/** Who aren't here; one of them is. */
const AWAY = ["Bonnie", "bob", "Zacharias", "Zoltan"];

const CASES:
  readonly (readonly [typed: string, line: string | null, choices: readonly string[]])[] = [
    ["/ms", "/msg ", []],
    ["/q", "/q", ["/q", "/quit"]],
    ["/nonsense", null, []],
    ["/help v", "/help verify ", []],
    ["/help /v", "/help /verify ", []],
    ["/help ms", "/help msg ", []],
    ["/verify v", null, []],
    ["say /help v", null, []],
    ["//ms", null, []],
    ["/msg bob", "/msg Bob", ["Bob", "Bobby"]],
    ["/msg bo", "/msg Bo", ["Bob", "Bobby", "Bonnie"]],
    ["/msg bobb", "/msg Bobby ", []],
    ["/msg Bob al", "/msg Bob Alice ", []],
    ["/msg Bob well, al", "/msg Bob well, Alice ", []],
    ["/msg z", "/msg Z", ["Zoë", "Zacharias", "Zoltan"]],
    ["/msg zol", "/msg Zoltan ", []],
    ["/msg bonn", "/msg Bonnie ", []],
    ["/msg Bob zol", null, []],
    ["hello z", "hello Zoë ", []],
    ["/trust al", "/trust Alice ", []],
    ["/trust Bob al", null, []],
    ["/history al", "/history Alice ", []],
    ["/rooms ", null, []],
    ["/name al", null, []],
    ["/status al", null, []],
    ["/nonsense al", null, []],
    ["//me al", "//me Alice ", []],
    ["hello al", "hello Alice ", []],
    ["hello @al", "hello @Alice ", []],
    ["@al", "@Alice ", []],
    ["hello @bo", "hello @Bob", ["@Bob", "@Bobby"]],
    ["hello @zol", null, []],
    ["/msg Bob ask @al", "/msg Bob ask @Alice ", []],
    ["zoë", "Zoë ", []],
    ["stras", "Straße ", []],
    ["В", "≈Вob ", []],
    ["≈В", "≈Вob ", []],
    ["x", null, []],
    ["", null, []],
  ];

for (const [typed, line, choices] of CASES) {
  Deno.test(`complete() makes ${line ?? "nothing"} of "${typed}"`, () => {
    const completion = complete(typed, typed.length, meshCommands, NAMES, () => AWAY);
    if (completion === null) return assertEquals(line, null);
    assertEquals(typed.slice(0, completion.start) + completion.replacement, line);
    assertEquals(completion.choices, choices);
  });
}

Deno.test("complete() looks at the word before the cursor alone", () => {
  assertEquals(complete("al bo", 2, meshCommands, NAMES), {
    start: 0,
    replacement: "Alice ",
    choices: [],
  });
});

const PATHS: readonly (readonly [line: string, path: string | null, names: readonly string[]])[] = [
  ["/send re", "re", []],
  ["/send  re", "re", []],
  ["/send bo", "bo", ["Bob", "Bobby", "Bonnie"]],
  ["/send Bob re", "re", []],
  ["/send bob re", "re", []],
  ["/send ≈Вob re", "re", []],
  ["/send Zoltan my re", "my re", []],
  ["/send my re", "my re", []],
  ["/send Bobb/re", "Bobb/re", []],
  ["/send ", "", [
    "Alice",
    "Bob",
    "Bobby",
    "Straße",
    "Zoë",
    "≈Вob",
    "Bonnie",
    "Zacharias",
    "Zoltan",
  ]],
  ["/send", null, []],
  ["/get 1 re", null, []],
  ["//send re", null, []],
  ["say /send re", null, []],
  ["/nonsense re", null, []],
];

for (const [line, path, names] of PATHS) {
  Deno.test(`askedPath() finds ${path ?? "none"} in "${line}"`, () => {
    const asked = askedPath(line, line.length, meshCommands, NAMES, () => AWAY);
    assertEquals(asked?.typed ?? null, path);
    if (asked === null) return;
    assertEquals(asked.start, line.length - asked.typed.length);
    assertEquals([...asked.names].sort(), [...names].sort());
  });
}

Deno.test("askedPath() finds a path in every mode in which files are sent", () => {
  const where = () => ({ place: "talking", peer: "bob", wasInCall: false }) as never;
  const called = registryCommands(where, true);
  const asked = [meshCommands, friendsCommands, called].map((table) =>
    askedPath("/send bob re!", 12, table as never, ["bob"])?.typed
  );
  assertEquals(asked, ["re", "re", "re"]);
});

Deno.test("completedPath() lists names and paths where both fit, and writes what is certain", () => {
  const asked = askedPath("/send bo", 8, meshCommands, ["Bob", "Carol"])!;
  const found = { typed: "boats/", choices: ["boats/"] };
  assertEquals(completedPath(asked, found), {
    start: 6,
    replacement: "bo",
    choices: ["Bob", "boats/"],
  });
  assertEquals(completedPath(asked, null), { start: 6, replacement: "Bob ", choices: [] });
  const path = askedPath("/send Bob bo", 12, meshCommands, ["Bob"])!;
  assertEquals(completedPath(path, found), { start: 10, replacement: "boats/", choices: [] });
  assertEquals(completedPath(path, null), null);
});
