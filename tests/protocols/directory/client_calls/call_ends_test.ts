/** How calls end, and which go on where the directory goes. */

import { assert, assertEquals } from "@std/assert";
import {
  AFTER_CALL_MS,
  AWAKE_MS,
  CALL_DEAD_MS,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { user } from "../client_program.ts";
import {
  asked,
  CALL,
  outcome,
  relayedTalking,
  ringing,
  SHOWS_USERS,
  talking,
  withoutUsers,
} from "./calling_cases.ts";

Deno.test("the end: hung up here, or there, one is back in a lobby", () => {
  const { program, link } = talking();
  program.nowMs += 63_000;
  const here = program.types({ command: "hang-up" }, "h");
  assertEquals(withoutUsers(here), [
    `close link ${link}`,
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=ended durationMs=63000 ref=h",
  ]);
  assert(SHOWS_USERS.test(here.at(-1)!));
  assertEquals(program.linkDown(link, true), []);

  const other = talking();
  const there = other.program.linkDown(other.link, true);
  assertEquals(there, [
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=ended reason=hung-up durationMs=0",
  ]);
  // Of so short a call the directory may not have told yet.
  assert(SHOWS_USERS.test(other.program.after(AFTER_CALL_MS).at(-1)!));
});

Deno.test("the end: the list after a short call waits until the directory has told of it, and of its end", () => {
  const { program, link } = talking();
  program.linkDown(link, true);
  const both = (state: "busy" | "free") => {
    const users = ["ann", "bob"].map((name) => user(name, { state }));
    return program.says({ type: "presence", users, offline: [], away: [] });
  };
  assertEquals(both("busy").some((words) => SHOWS_USERS.test(words)), false);
  assert(SHOWS_USERS.test(both("free").at(-1)!));
  assertEquals(program.after(AFTER_CALL_MS), []);
});

Deno.test("the end: a link that is lost", () => {
  const { program, link } = talking();

  assertEquals(withoutUsers(program.linkDown(link, false)), [
    "to directory: hang-up reason=lost call=#1",
    "call call=#1 peer=bob state=ended reason=lost durationMs=0",
  ]);
});

Deno.test("the end: the other side's user found our digits to be different, as its program says", () => {
  for (const { program, link } of [talking(), relayedTalking()]) {
    const down = { type: "link-down", link, closed: true, reason: "not-trusted" } as const;
    const words = withoutUsers(program.feed(down));
    assertEquals(words.at(-1), "call call=#1 peer=bob state=ended reason=not-trusted durationMs=0");
  }
});

Deno.test("the end: thrown out by the operator, on either side", () => {
  const own = talking();
  const words = own.program.says({ type: "dismissed", because: "kicked", text: "", retryMs: 0 });
  assert(words.includes("call call=#1 peer=bob state=ended reason=kicked durationMs=0"));

  const { program, link } = talking();
  const down = { type: "link-down", link, closed: true, reason: "kicked" } as const;
  assertEquals(withoutUsers(program.feed(down)).slice(1), [
    "call call=#1 peer=bob state=ended reason=peer-kicked durationMs=0",
  ]);

  const relayed = relayedTalking();
  outcome(relayed.program, "ended", "kicked");
  assertEquals(
    withoutUsers(relayed.program.after(1_000)).at(-1),
    "call call=#1 peer=bob state=ended reason=peer-kicked durationMs=1000",
  );
});

Deno.test("the directory goes: a direct call goes on, and is told of when it is back", () => {
  const { program, link } = talking();

  assertEquals(program.directoryDown(), ["session state=down name=ann guest=false reason=lost"]);
  assertEquals(
    program.types({ command: "say", text: "still here" })[0],
    `to link ${link}: line text=still here`,
  );
  program.after(1_000);
  assert(program.directoryUp()[0]?.includes("busy=true"));
});

Deno.test("the directory goes: what has changed while one came in again is told", () => {
  const { program, link } = talking();
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.linkDown(link, true);
  program.saidBusy.length = 0;
  program.entered();
  assertEquals(program.saidBusy, [false]);

  const other = ringing();
  other.meet();
  other.directoryDown();
  other.after(1_000);
  assert(other.directoryUp()[0]?.includes("busy=false"));
  other.entered();
  other.hears(other.linkUp().link, { type: "talk", call: CALL });
  assertEquals(other.saidBusy, [true]);
});

Deno.test("a directory that holds a direct call for over isn't believed", () => {
  const { program } = talking();
  assertEquals(outcome(program, "unreachable", "lost"), []);
  assertEquals(program.after(2_000), []);
});

Deno.test("the directory goes: a direct call ends without it", () => {
  const { program, link } = talking();
  program.directoryDown();

  assertEquals(program.types({ command: "hang-up" }), [
    `close link ${link}`,
    "call call=#1 peer=bob state=ended durationMs=0",
  ]);
});

Deno.test("the directory goes: what only it knows of ends", () => {
  const { program, link } = relayedTalking();
  assertEquals(program.directoryDown().slice(1), [
    `close link ${link}`,
    "relay-close call=#1",
    "call call=#1 peer=bob state=ended reason=directory-down durationMs=0",
  ]);

  const down = "call call=#1 peer=bob state=ended reason=directory-down";
  assertEquals(ringing().directoryDown().slice(1), [`${down} ref=r`]);
  const called = asked();
  assertEquals(called.directoryDown().slice(1), [down]);
  assert(called.types({ command: "missed" })[0]?.includes("from=bob"));
});

Deno.test("the directory goes: who is being dialled may still be reached", () => {
  const program = ringing();
  program.meet();
  program.directoryDown();
  const { link } = program.linkUp();

  const words = program.hears(link, { type: "talk", call: CALL });

  assert(words.includes("call call=#1 peer=bob state=connected route=direct ref=r"));
});

Deno.test("replaced: a direct call goes on until it ends, then the program does", () => {
  const { program, link } = talking();

  assertEquals(program.says({ type: "dismissed", because: "replaced", text: "", retryMs: 0 }), [
    "close directory",
    "session state=replaced name=ann guest=false",
  ]);
  assertEquals(program.types({ command: "say", text: "bye" })[0], `to link ${link}: line text=bye`);
  program.hears(link, { type: "heard", lines: 1 });
  assertEquals(program.after(600_000), []);
  assertEquals(program.linkDown(link, true), [
    "call call=#1 peer=bob state=ended reason=hung-up durationMs=600000",
    "fatal replaced",
  ]);
});

Deno.test("replaced: a relayed call, and one that rings, end with it", () => {
  for (const program of [relayedTalking().program, ringing(), asked()]) {
    const words = program.says({ type: "dismissed", because: "replaced", text: "", retryMs: 0 });
    assertEquals(words.at(-1), "fatal replaced");
    const end = words.find((word) => / state=ended/.test(word));
    assert(end?.includes("reason=replaced"), end);
  }
});

Deno.test("a directory that is right about a direct call isn't told anything", () => {
  const { program, link } = talking();

  outcome(program, "cancelled");
  program.linkDown(link, true);

  assertEquals(withoutUsers(program.after(60_000)), []);
});

Deno.test("calling: a process that stood still counts no time in which the other side had ended the call", () => {
  const lasted = (stillMs: number, closed: boolean, lateMs = 0) => {
    const { program, link } = talking();
    program.after(10_000);
    program.nowMs += stillMs;
    program.after(lateMs);
    program.feed({ type: "link-down", link, closed, reason: closed ? "hung up" : "lost" });
    const over = program.events.findLast(({ event }) => event === "call");
    return over?.event === "call" ? over.durationMs : undefined;
  };
  const stoodFromMs = 10_000 + AWAKE_MS;

  assertEquals(lasted(60_000, true), stoodFromMs);
  assertEquals(lasted(60_000, false), stoodFromMs + CALL_DEAD_MS);
  assertEquals(lasted(60_000, false, 9_000), stoodFromMs + CALL_DEAD_MS);
  // It wasn't given up meanwhile.
  assertEquals(lasted(5_000, false), 15_000);
  assertEquals(lasted(5_000, true, 20_000), 35_000);
});
