import { assertEquals } from "@std/assert";
import { complete } from "../../../lib/cli/terminal/completion.ts";
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
