/** Calling: the directory is asked, both dial, one link stays. */

import { assert, assertEquals } from "@std/assert";
import { Calling } from "../../../../lib/protocols/directory/client_calls/calling.ts";
import { KnownKeys } from "../../../../lib/protocols/directory/lobby/known_keys.ts";
import { CALLS_BURST, CALLS_PER_S } from "../../../../lib/protocols/directory/schema/limits.ts";
import { callId, ClientProgram, partOutput, user } from "../client_program.ts";
import { asked, CALL, outcome, ringing, talking } from "./calling_cases.ts";

// Calling.

Deno.test("calling: the directory is asked, and the user told what came of it", () => {
  const program = ClientProgram.in();

  const words = program.types({ command: "call", name: "BOB" }, "r");

  assertEquals(words, [
    "to directory: call call=#1 name=bob refused=[]",
    "call call=#1 peer=bob state=ringing ref=r",
  ]);
  for (
    const [state, shown] of [
      ["declined", "state=declined"],
      ["busy", "state=busy"],
      ["offline", "state=offline"],
      ["unreachable", "state=unreachable"],
      ["timeout", "state=timeout"],
      ["cancelled", "state=ended reason=cancelled by=bob"],
    ] as const
  ) {
    assertEquals(outcome(ringing(), state), [`call call=#1 peer=bob ${shown} ref=r`]);
  }
  // As it was typed: what shows it to somebody makes it harmless.
  assertEquals(outcome(ringing(), "declined", "later\u202e\u001b[2J\n"), [
    "call call=#1 peer=bob state=declined reason=later\u202e\u001b[2J\n ref=r",
  ]);
  // Whoever types one of our reasons doesn't speak for us.
  assertEquals(outcome(ringing(), "declined", "kicked"), [
    'call call=#1 peer=bob state=declined reason="kicked" ref=r',
  ]);
});

Deno.test("calling: each event has a reason and a route, empty where there is none", () => {
  const { program, link } = talking();
  program.feed({ type: "link-down", link, closed: true, reason: "hung up" });
  program.types({ command: "call", name: "bob" });
  program.says({ type: "outcome", call: callId(2), state: "declined", reason: "" });

  const fields = program.events.flatMap((event) =>
    event.event === "call" ? [[event.state, event.reason, event.route]] : []
  );
  assertEquals(fields, [
    ["ringing", "", null],
    ["connected", "", "direct"],
    ["ended", "hung-up", null],
    ["ringing", "", null],
    ["declined", "", null],
  ]);
});

Deno.test("calling: by an address in the list", () => {
  const program = ClientProgram.in();
  program.says({
    type: "presence",
    users: ["cem", "dan"].map((name) => user(name, { host: "10.0.0.9", port: 7_000 })),
    offline: [],
    away: [],
  });

  // Dan may say any port behind an address that they share: it is the first in our list who is called.
  const there = program.types({ command: "call-address", host: "10.0.0.9", port: 7_000 }, "a");
  const nowhere = ClientProgram.in().types({ command: "call-address", host: "10.0.0.9", port: 1 });

  assertEquals(there, [
    "to directory: call call=#1 name=cem refused=[]",
    "call call=#1 peer=cem state=ringing ref=a",
  ]);
  assertEquals(outcome(program, "offline"), ["call call=#1 peer=cem state=offline ref=a"]);
  assert(nowhere[0]?.startsWith("error code=unknown-user"), nowhere[0]);
});

Deno.test("calling: what is no name, while one calls, and outside of the directory is refused", () => {
  const program = ringing();
  const apart = ClientProgram.in();
  apart.directoryDown();
  const errorOf = (of: ClientProgram, name: string) =>
    of.types({ command: "call", name })[0]?.split(" ")[1];

  assertEquals(errorOf(ClientProgram.in(), "two words"), "code=unknown-user");
  assertEquals(errorOf(program, "eve"), "code=busy");
  assertEquals(errorOf(apart, "bob"), "code=not-logged-in");
});

Deno.test("calling: both dial, and the caller begins on the first link that is up", () => {
  const inbound = ringing();
  assertEquals(inbound.meet(), ["connecting", "dial call 10.0.0.2:5000 bob"]);
  const { link } = inbound.linkUp();
  assertEquals(inbound.hears(link, { type: "talk", call: CALL }), [
    `to link ${link}: begin call=#1`,
    "cancel-dial",
    "to directory: begun route=direct call=#1",
    "pin bob bob",
    "call call=#1 peer=bob state=connected route=direct ref=r",
  ]);

  const outbound = ringing();
  outbound.meet();
  const { attempt } = outbound;
  const { link: other, words } = outbound.linkUp({ dialled: true, attempt });
  assertEquals(words.slice(0, 3), [
    `to link ${other}: talk call=#1`,
    `to link ${other}: begin call=#1`,
    "to directory: begun route=direct call=#1",
  ]);
});

Deno.test("calling: the second link is closed", () => {
  const { program } = talking();

  const { link, words } = program.linkUp();

  assertEquals(words, [`close link ${link}`]);
});

Deno.test("calling: without a link after 4 s it goes through the directory", () => {
  const program = ringing();
  program.meet();
  program.dialFails();

  assertEquals(program.after(3_999), []);
  assertEquals(program.after(1), ["to directory: relay-please call=#1"]);
  assertEquals(program.says({ type: "relay-on", call: CALL }), ["relay-open dials"]);
  const { attempt } = program;
  const { link, words } = program.linkUp({ dialled: true, attempt, isRelayed: true });
  assertEquals(words, [
    `to link ${link}: talk call=#1`,
    `to link ${link}: begin call=#1`,
    "to directory: begun route=relay call=#1",
    "pin bob bob",
    "call call=#1 peer=bob state=connected route=relay ref=r",
  ]);
});

Deno.test("calling: a direct link that comes late is better than the relay", () => {
  const program = ringing();
  program.meet();
  program.after(4_000);
  program.says({ type: "relay-on", call: CALL });

  const { link } = program.linkUp();
  const words = program.hears(link, { type: "talk", call: CALL });

  assert(words.includes("relay-close call=#1"), words.join("\n"));
  assert(words.includes("to directory: begun route=direct call=#1"));
});

Deno.test("calling: whoever can't be reached where nothing is relayed is unreachable after 4 s", () => {
  const program = ringing();
  program.meet({ mayRelay: false });

  assertEquals(program.after(4_000), [
    "to directory: hang-up reason=unreachable call=#1",
    "cancel-dial",
    "call call=#1 peer=bob state=unreachable reason=not-relayed ref=r",
  ]);
});

Deno.test("calling: whoever can't be reached is told of the relay only where that is the reason", () => {
  for (
    const [mayRelay, said, told] of [
      [true, "", "state=unreachable"],
      [true, "lost", "state=unreachable reason=lost"],
      [false, "", "state=unreachable reason=not-relayed"],
      [false, "neither could dial the other", "state=unreachable reason=not-relayed"],
      [false, "lost", "state=unreachable reason=lost"],
    ] as const
  ) {
    const program = ringing();
    program.meet({ mayRelay });
    assertEquals(
      outcome(program, "unreachable", said).at(-1),
      `call call=#1 peer=bob ${told} ref=r`,
    );
  }
});

Deno.test("calling: without a link after 10 s it is over, for the callee a little later", () => {
  const caller = ringing();
  caller.meet();
  const callee = asked();
  callee.types({ command: "accept" });
  callee.meet({ isCaller: false });

  caller.after(9_999);
  callee.after(11_999);

  assertEquals(caller.after(1).at(-1), "call call=#1 peer=bob state=unreachable ref=r");
  assertEquals(callee.after(1).at(-1), "call call=#1 peer=bob state=unreachable");
});

Deno.test("calling: a yes that names a caller accepts nobody else's call", () => {
  const callee = asked();
  assertEquals(callee.types({ command: "accept", name: "carol" }, "r"), [
    "error code=not-allowed text=The call isn't accepted: it is bob who is calling you, not carol ref=r",
  ]);
  assertEquals(callee.types({ command: "accept", name: "BOB" }), [
    "to directory: answer accepts=true reason= call=#1",
  ]);
});

Deno.test("calling: a directory that says nothing doesn't let it ring for ever", () => {
  const program = ringing();

  assertEquals(program.after(39_999), []);
  assertEquals(program.after(1), [
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=timeout ref=r",
  ]);
});

Deno.test("calling: a ringing call is withdrawn, and what the directory says of it then is nothing", () => {
  const program = ringing();

  assertEquals(program.types({ command: "cancel" }, "c"), [
    "to directory: hang-up reason=cancelled call=#1",
    "call call=#1 peer=bob state=ended reason=cancelled by=ann ref=r",
    "notice text=The call with bob is over ref=c",
  ]);
  assertEquals(program.meet(), []);
  assertEquals(outcome(program, "cancelled"), []);
  assertEquals(program.types({ command: "cancel" })[0]?.slice(0, 22), "error code=not-allowed");
});

Deno.test("calling: a process that stood still doesn't hold that against the other", () => {
  const program = ringing();
  program.meet();

  program.after(3_000);
  program.nowMs += 30_000;

  const words = program.feed({ type: "tick" });
  assertEquals(words, ["to directory: relay-please call=#1"]);
  const { link } = program.linkUp();
  assertEquals(
    program.hears(link, { type: "talk", call: CALL })[0],
    `to link ${link}: begin call=#1`,
  );
});

Deno.test("calling: the outcome alone carries the ref of the call, and no later end", () => {
  const { program, link } = talking();
  const ended = program.feed({ type: "link-down", link, closed: true, reason: "hung up" });
  const itself = ClientProgram.in().types({ command: "call", name: "ann" }, "s");
  const both = ringing();
  const withdrawn = both.types({ command: "cancel" }, "r");

  const isEnd = (word: string) => word.startsWith("call call=");
  assertEquals(ended.filter(isEnd), [
    "call call=#1 peer=bob state=ended reason=hung-up durationMs=0",
  ]);
  assertEquals(itself.filter((word) => word.endsWith(" ref=s")), [
    "call call=#1 peer=ann state=ringing ref=s",
    "call call=#1 peer=ann state=connected route=direct ref=s",
  ]);
  assertEquals(withdrawn.slice(1), [
    "call call=#1 peer=bob state=ended reason=cancelled by=ann ref=r",
  ]);
});

// A lying callee, and strangers.

Deno.test("calling: more calls than the directory takes aren't made", () => {
  const program = ClientProgram.in();
  const calls = () => {
    const words = program.types({ command: "call", name: "bob" });
    program.types({ command: "cancel" });
    return words[0];
  };
  for (let n = 0; n < CALLS_BURST; n++) assert(calls()?.startsWith("to directory: call"));
  assertEquals(
    calls(),
    "error code=too-fast text=Cannot call: you have called too often within a short time; wait a moment",
  );
  program.after(1_000 / CALLS_PER_S);
  assert(calls()?.startsWith("to directory: call"));
  assertEquals(calls()?.split(" ")[1], "code=too-fast");
});

Deno.test("calling: a reason to decline that is typed isn't what a program says by itself", () => {
  for (const typed of ["busy", "key-changed", "not-trusted"]) {
    assertEquals(asked().types({ command: "decline", reason: typed }), [
      `to directory: answer accepts=false reason="${typed}" call=#1`,
      `call call=#1 peer=bob state=declined reason="${typed}"`,
    ]);
  }
});

Deno.test("whoever's program knows another key of ours than this one is told so, on either side", () => {
  const caller = ringing();
  const declined = caller.says({
    type: "outcome",
    call: CALL,
    state: "declined",
    reason: "key-changed",
  });
  assertEquals(declined[0], "call call=#1 peer=bob state=declined reason=not-trusted ref=r");
  const callee = asked();
  callee.types({ command: "accept" });
  const ended = callee.says({
    type: "outcome",
    call: CALL,
    state: "cancelled",
    reason: "key-changed",
  });
  assertEquals(ended[0], "call call=#1 peer=bob state=ended reason=not-trusted");
});

// All of it but the program around it.

Deno.test("Calling: a process that is between two calls has no deadline, and no word for the directory", () => {
  const output = partOutput();
  const told: string[] = [];
  const shown: number[] = [];
  const calling = new Calling({
    out: output.out,
    keys: new KnownKeys(output.out),
    lobby: { showAfter: (_, talkedMs) => void shown.push(talkedMs) },
    session: {
      name: "ann",
      isUp: true,
      peer: null,
      tell: ({ type }) => void told.push(type),
      offends: (text) => void told.push(text),
    },
    isInteractive: true,
    randomBytes: () => callId(1),
    wallMs: () => 0,
    nextAttempt: () => 1,
    past: { begins() {}, keep: () => "" },
  });
  calling.ring("bob", undefined);
  calling.cancel(undefined);
  assertEquals([told.splice(0), calling.nextMs()], [["call", "hang-up"], null]);
  calling.ring("ann", undefined);
  output.pass(5_000);
  calling.hangUp(undefined);
  assertEquals([told.splice(0), shown], [["busy", "busy"], [5_000]]);

  calling.directoryLeft("directory-down");
  calling.entered();
  calling.drop();
  output.pass(60_000);
  calling.tick(output.out.nowMs);
  assertEquals([calling.call, calling.nextMs(), told], [null, null, []]);
});
