import { assertEquals } from "@std/assert";
import { type OwnLineEvent, OwnLines } from "../../../lib/cli/friends/own_lines.ts";
import type { FriendsEvent } from "../../../lib/protocols/friends/events.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

/** Own lines with what a terminal shows of them: the state and text of each, and the row above the prompt. */
function opened() {
  const clock = new VirtualClock();
  const shown: string[] = [];
  const rows: (string | null)[] = [];
  const lines = new OwnLines({
    clock,
    wallMs: () => 0,
    listed: (name) => ["bob", "carol"].find((friend) => friend === name.toLowerCase()) ?? null,
    show: ({ state, text }: OwnLineEvent) => shown.push(`${state} ${text}`),
    progress: (text) => rows.push(text),
  });
  const say = (text: string, name = "bob") =>
    lines.asked({ command: "msg", name, text }, undefined)!;
  return { clock, lines, shown, rows, say };
}

const queued = { event: "delivery", id: "1", to: "bob", state: "queued" } as const;
const delivered = { ...queued, state: "delivered" } as const;
const NOTICE = { event: "notice", text: "bob isn't there", warning: true } as const;

Deno.test("OwnLines prints a line as arrived once it has, and has it above the prompt until then", () => {
  const { lines, shown, rows, say } = opened();

  const ref = say("hi");
  assertEquals(lines.before(queued, ref), undefined, "the ref is nobody else's");
  assertEquals([shown, rows], [[], ["… bob: hi"]]);
  lines.before(delivered, ref);
  lines.before({ ...delivered, id: "7" }, undefined); // from an earlier start

  assertEquals([shown, rows], [["arrived hi"], ["… bob: hi", null]]);
});

Deno.test("OwnLines names a friend as the table does, however the name was typed", () => {
  const { rows, say } = opened();

  say("hi", "BOB");

  assertEquals(rows, ["… bob: hi"]);
});

Deno.test("OwnLines gives answers the ref of the page where the line was typed", () => {
  const { lines, shown } = opened();

  const own = lines.asked({ command: "msg", name: "bob", text: "hi" }, "page 1");
  assertEquals(lines.before(queued, own), "page 1");
  assertEquals(lines.before(delivered, own), "page 1");
  assertEquals(shown, ["arrived hi"]);
});

Deno.test("OwnLines prints lines in their order, above what says that they wait", () => {
  const told: readonly (readonly [string, FriendsEvent])[] = [
    ["that bob is away", NOTICE],
    ["that it waits", { ...queued, waiting: 2 }],
    ["an error", { event: "error", code: "disk", text: "full" }],
  ];
  for (const [what, event] of told) {
    const { lines, shown, rows, say } = opened();
    const one = say("one");
    lines.before(queued, one);
    const two = say("two");
    lines.before({ ...queued, id: "2" }, two);
    lines.before(event, event.event === "delivery" ? one : undefined);
    const all = event.event === "delivery" ? ["waiting one"] : ["waiting one", "waiting two"];
    assertEquals(shown, all, what);
    assertEquals(rows[1], "… 2 messages are on their way");
  }
});

Deno.test("OwnLines: what was shown as waiting is told of only where no notice counts it", () => {
  for (const waited of [true, undefined] as const) {
    const { lines, shown, say } = opened();
    const ref = say("hi");
    lines.before(queued, ref);
    lines.before(NOTICE, undefined);
    lines.before(waited === undefined ? delivered : { ...delivered, waited: true }, ref);
    lines.before(delivered, ref);
    assertEquals(shown, waited === true ? ["waiting hi"] : ["waiting hi", "late hi"]);
  }
});

Deno.test("OwnLines prints as waiting what isn't decided within 2 s, or when the program ends", () => {
  const { clock, lines, shown, rows, say } = opened();
  say("slow");
  clock.advance(1_999);
  assertEquals(shown, []);
  clock.advance(1);
  assertEquals([shown, rows.at(-1)], [["waiting slow"], null]);

  say("last");
  lines.close();
  lines.close();
  assertEquals([shown, rows.at(-1)], [["waiting slow", "waiting last"], null]);
});

Deno.test("OwnLines prints as refused what fails, also what is taken back by another command", () => {
  const { lines, shown, say } = opened();
  lines.before({ event: "error", code: "full", text: "Cannot keep more" }, say("one"));
  lines.before({ ...delivered, state: "failed", reason: "away" }, say("two"));
  const three = say("three");
  lines.before({ ...queued, id: "3" }, three);
  lines.before({ ...queued, id: "3", state: "failed", reason: "taken back" }, "mine");

  assertEquals(shown, ["refused one", "refused two", "refused three"]);
});

Deno.test("OwnLines leaves alone what isn't said to a friend, and the refs of others", () => {
  const { lines, shown, rows } = opened();

  assertEquals(lines.asked({ command: "msg", name: "dave", text: "hi" }, "x"), "x");
  assertEquals(lines.asked({ command: "list" }, undefined), undefined);
  assertEquals(lines.before({ event: "error", code: "usage", text: "no" }, "x"), "x");
  assertEquals([shown, rows], [[], []]);
});
