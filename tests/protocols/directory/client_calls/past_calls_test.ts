/** What was said in calls: what the profile is to keep of it, and what it is asked for. */

import { assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { RECALLED_MAX } from "../../../../lib/protocols/directory/schema/limits.ts";
import type { ClientCommand } from "../../../../lib/protocols/directory/schema/events.ts";
import { ANN, BOB, callId, ClientProgram, WALL_MS } from "../client_program.ts";
import { asked, type Talking, talking } from "./calling_cases.ts";

type Asked = Extract<ClientCommand, { readonly command: "history" }>;

/** What the files are asked for by that. */
function recalls(program: ClientProgram, words: readonly string[]) {
  const count = words.filter((word) => word.startsWith("recall ")).length;
  return count === 0 ? [] : program.recalls.slice(-count);
}

function asks(program: ClientProgram, more: Partial<Asked> = {}) {
  const words = program.types({ command: "history", count: null, ...more }, "r");
  const [recall, ...others] = recalls(program, words);
  assertEquals(others, []);
  if (recall === undefined) return words;
  assertEquals(recall.ref, "r");
  const { event: _, messages: __, ...event } = recall.event;
  return { count: recall.count, ...event };
}

/** Bob hangs up, and is called once more. */
function again({ program, link }: Talking, n: number): readonly string[] {
  if (program.machine.calling.call !== null) program.linkDown(link, true);
  program.types({ command: "call", name: "bob" });
  program.meet({ call: callId(n) });
  const { link: other } = program.linkUp();
  return program.hears(other, { type: "talk", call: callId(n) });
}

const ALL = { count: RECALLED_MAX };
const WITH_BOB = { name: "bob", key: fingerprintOf(BOB) };

Deno.test("PastCalls: what both sides say is kept, before it is shown, and what waits isn't yet", () => {
  const { program, link } = talking();
  program.types({ command: "say", text: "hello" });
  program.hears(link, { type: "line", text: "/me waves" });
  program.feed({ type: "congested", link });
  program.types({ command: "say", text: "waits" });
  const with_ = { key: BOB, name: "bob", sentAt: WALL_MS };
  const said = program.kept.map(({ id: _, ...words }) => words);
  assertEquals(said, [
    { ...with_, self: true, text: "hello" },
    { ...with_, self: false, text: "/me waves" },
  ]);
  assertEquals(new Set(program.kept.map(({ id }) => id)).size, 2);
  program.feed({ type: "drained", link });
  assertEquals(program.kept.at(-1)!.text, "waits");
  // What is shown has the id by which it is found again.
  const shown = program.events.filter(({ event }) => event === "message");
  assertEquals(shown.map((event) => "id" in event && event.id), program.kept.map(({ id }) => id));
});

Deno.test("PastCalls: a call with oneself is kept once", () => {
  const program = ClientProgram.in();
  program.types({ command: "call", name: "ann" });
  program.types({ command: "say", text: "a note" });
  assertEquals(program.kept.map(({ name, key, self }) => [name, key, self]), [
    ["ann", null, true],
  ]);
  const ids = program.events.flatMap((event) => event.event === "message" ? [event.id] : []);
  assertEquals([ids[0], new Set(ids).size], [program.kept[0]!.id, 2], "what comes back is another");
  assertEquals(asks(program), { ...ALL, name: "ann", key: fingerprintOf(ANN.key) });
});

Deno.test("PastCalls: without a name it is about the other side of the call, in the lobby about all", () => {
  const program = ClientProgram.in();
  assertEquals(asks(program), ALL);
  assertEquals(asks(program, { text: "x", count: 3 }), { count: 3, searched: "x" });
  // The call is only asked about.
  assertEquals(asks(asked()), ALL);

  const { program: talks } = talking();
  assertEquals(asks(talks), { ...ALL, ...WITH_BOB });
  assertEquals(asks(talks, { text: "x" }), { ...ALL, ...WITH_BOB, searched: "x" });
  assertEquals(asks(talks, { text: "x", everywhere: true }), { ...ALL, searched: "x" });
  assertEquals(asks(talks, { name: "eve" }), { ...ALL, name: "eve" });
});

Deno.test("PastCalls: any possible name may be asked about, as the list spells it, with the key that is known", () => {
  const program = ClientProgram.in({
    config: { pinsOf: () => new Map([["carol", fingerprintOf(BOB)]]) },
  });
  assertEquals(asks(program, { name: "BOB" }), { ...ALL, name: "bob" });
  assertEquals(asks(program, { name: "Carol" }), {
    ...ALL,
    name: "Carol",
    key: fingerprintOf(BOB),
  });
  assertEquals(asks(program, { name: "nobody" }), { ...ALL, name: "nobody" });
  assertEquals(
    String(asks(program, { name: "a/b" })).startsWith("error code=unknown-user"),
    true,
  );
});

Deno.test("PastCalls: what was said before is asked for once with each, behind the news that both talk", () => {
  const config = { shownAgain: 20 };
  const talk = talking({ config });
  const { program } = talk;
  const shown = { count: 20, ref: undefined };
  const event = { event: "history", messages: [], again: true, ...WITH_BOB } as const;
  assertEquals(program.recalls, [{ type: "recall", event, ...shown }]);
  const second = again(talk, 2);
  assertEquals(second.some((word) => word.startsWith("call ")), true);
  assertEquals(program.recalls.length, 1);
  const other = ClientProgram.in({ config });
  const words = again({ program: other, link: other.link }, 1);
  const at = (start: string) => words.findIndex((word) => word.startsWith(start));
  assertEquals(at("recall") > at("call call=#1 peer=bob state=connected"), true);
  assertEquals(talking().program.recalls, [], "scripts are shown nothing again unasked");
});
