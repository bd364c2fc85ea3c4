/** Who is away, and comes back: what the directory tells of it, and what its clients show. */

import { assertEquals } from "@std/assert";
import { HERE } from "../../../../lib/base/machine/user_presence.ts";
import { ClientProgram, user } from "../client_program.ts";
import { Exchange } from "../exchange.ts";

const LUNCH = { command: "presence", change: { away: "lunch" } } as const;

Deno.test("Directory: who is away is listed so at all, and who comes later finds it in the list", () => {
  const exchange = new Exchange();
  const [ann, bob] = [exchange.guest("ann"), exchange.guest("bob")];
  exchange.pass(1_000);
  bob.says({ type: "about-me", away: "lunch" });
  exchange.pass(1_000);
  assertEquals(ann.list.get("bob")?.away, "lunch");
  const cem = exchange.guest("cem");
  exchange.pass(1_000);
  assertEquals(["ann", "bob", "cem"].map((name) => cem.list.get(name)?.away), [
    null,
    "lunch",
    null,
  ]);
  bob.says({ type: "about-me", ...HERE });
  exchange.pass(1_000);
  assertEquals([ann.list.get("bob")?.away, cem.list.get("bob")?.away], [null, null]);
});

Deno.test("Directory: who says another thing without end is told of now and then, in the end the last", () => {
  const exchange = new Exchange();
  const [ann, bob] = [exchange.guest("ann"), exchange.guest("bob")];
  exchange.pass(1_000);
  const presences = () => ann.got.filter(({ type }) => type === "presence").length;
  const before = presences();
  for (let n = 1; n <= 50; n++) {
    bob.says({ type: "about-me", away: `${n}` });
    exchange.pass(60);
  }
  assertEquals([ann.list.get("bob")?.away, presences() - before], ["4", 4]);
  exchange.pass(10_000);
  assertEquals([ann.list.get("bob")?.away, presences() - before], ["50", 5]);
});

Deno.test("a client tells the directory that its user is away, and again when it has come in anew", () => {
  const program = ClientProgram.in();
  const told = () =>
    program.sent.flatMap(({ message }) => message.type === "about-me" ? [message.away] : []);

  program.types(LUNCH, "r");
  const own = program.events.at(-1);
  assertEquals(own?.event === "presence" && [own.name, own.self, own.away], ["ann", true, "lunch"]);
  program.says({
    type: "presence",
    users: [user("ann")],
    offline: [],
    away: [{ user: 0, why: "lunch" }],
  });
  assertEquals(program.events.at(-1), own, "what the user has said itself isn't shown again");
  program.says({
    type: "presence",
    users: [user("ann", { state: "busy" })],
    offline: [],
    away: [],
  });
  const busy = program.events.at(-1);
  assertEquals(
    busy?.event === "presence" && [busy.state, busy.away],
    ["busy", "lunch"],
    "the directory hears of it later",
  );
  program.types({ command: "status" });
  const status = program.events.at(-1);
  assertEquals(status?.event === "status" && status.away, "lunch");
  program.types({ command: "whois", name: null });
  const whois = program.events.at(-1);
  assertEquals(whois?.event === "whois" && whois.away, "lunch");
  assertEquals(told(), ["lunch"]);
  program.directoryDown();
  program.nowMs += 60_000;
  program.feed({ type: "tick" });
  program.directoryUp();
  program.entered();
  assertEquals(told(), ["lunch", "lunch"]);
});

Deno.test("a client shows who is away, in the list and by /whois, and who is back", () => {
  const program = ClientProgram.in();
  const why = { user: 0, why: "lunch" };
  program.says({ type: "presence", users: [user("bob")], offline: [], away: [why] });
  const shown = program.events.at(-1);
  assertEquals(shown?.event === "presence" && [shown.name, shown.away], ["bob", "lunch"]);
  program.types({ command: "list", part: undefined });
  const list = program.events.at(-1);
  assertEquals(
    list?.event === "users" && list.users.map(({ name, away }) => [name, away]),
    [["ann", undefined], ["bob", "lunch"], ["eve", undefined]],
  );
  program.types({ command: "whois", name: "bob" });
  const whois = program.events.at(-1);
  assertEquals(whois?.event === "whois" && whois.away, "lunch");
  program.says({ type: "presence", users: [], offline: ["bob"], away: [] });
  const gone = program.events.at(-1);
  assertEquals(gone?.event === "presence" && [gone.state, gone.away], ["offline", undefined]);
});
