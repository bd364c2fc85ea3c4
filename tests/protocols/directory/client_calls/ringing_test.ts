/** Being called: the user is asked, and talks or doesn't; and two who call each other. */

import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { Ringing } from "../../../../lib/protocols/directory/client_calls/ringing.ts";
import { KnownKeys } from "../../../../lib/protocols/directory/lobby/known_keys.ts";
import { CALLEE_DIALS_MS, MISSED_MAX } from "../../../../lib/protocols/directory/schema/limits.ts";
import {
  BOB,
  callId,
  ClientProgram,
  EVE,
  messageWords,
  partOutput,
  WALL_MS,
} from "../client_program.ts";
import { talkingCall } from "./call_parts.ts";
import { asked, CALL, outcome, ringing, talking, withoutUsers } from "./calling_cases.ts";

// Being called.

Deno.test("being called: the user is asked, and talks on the link on which the caller begins", () => {
  const program = ClientProgram.in();
  const words = program.says({ type: "incoming", call: CALL, from: "bob", guest: true, key: BOB });
  assertEquals(words, ["incoming call=#1 from=bob key=bob guest=true"]);
  assertEquals(program.types({ command: "accept" }), [
    "to directory: answer accepts=true reason= call=#1",
  ]);
  assertEquals(program.meet({ isCaller: false }), ["connecting"]);
  assertEquals(program.after(CALLEE_DIALS_MS), ["dial call 10.0.0.2:5000 bob"]);
  const { attempt } = program;
  const { link: own, words: dialled } = program.linkUp({ dialled: true, attempt });
  const { link } = program.linkUp();
  assertEquals(dialled, [`to link ${own}: talk call=#1`]);
  assertEquals(program.hears(link, { type: "talk", call: CALL }), []);

  assertEquals(program.hears(link, { type: "begin", call: CALL }), [
    `close link ${own}`,
    "to directory: begun route=direct call=#1",
    "pin bob bob",
    "call call=#1 peer=bob state=connected route=direct",
  ]);
});

Deno.test("being called: the yes is answered by what comes of it", () => {
  const connected = asked();
  connected.types({ command: "accept" }, "a");
  connected.meet({ isCaller: false });
  const { link } = connected.linkUp();
  connected.hears(link, { type: "talk", call: CALL });
  const words = connected.hears(link, { type: "begin", call: CALL });
  const isIt = "call call=#1 peer=bob state=connected route=direct ref=a";
  assertEquals(words.at(-1), isIt);
  const ended = connected.feed({ type: "link-down", link, closed: true, reason: "hung up" });
  assert(ended.includes("call call=#1 peer=bob state=ended reason=hung-up durationMs=0"));

  const withdrawn = asked();
  withdrawn.types({ command: "accept" }, "a");
  const outcome = { type: "outcome", call: CALL, state: "cancelled", reason: "" } as const;
  assertEquals(
    withdrawn.says(outcome)[0],
    "call call=#1 peer=bob state=ended reason=cancelled by=bob ref=a",
  );

  const changed = asked();
  changed.types({ command: "accept" }, "a");
  assertEquals(changed.types({ command: "cancel" }, "c"), [
    "to directory: hang-up reason=cancelled call=#1",
    "call call=#1 peer=bob state=ended reason=cancelled by=ann ref=a",
    "notice text=The call with bob is over ref=c",
  ]);
});

Deno.test("being called: where the caller's link comes at once, one handshake is enough", () => {
  const program = asked();
  program.types({ command: "accept" });
  program.meet({ isCaller: false });
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  program.hears(link, { type: "begin", call: CALL });
  assertEquals(program.after(CALLEE_DIALS_MS).filter((word) => word.startsWith("dial")), []);
});

Deno.test("being called: the caller's link and its beginning may come before the directory's word", () => {
  const program = asked();
  program.types({ command: "accept" });
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  program.hears(link, { type: "begin", call: CALL });

  const words = program.meet({ isCaller: false });

  assert(words.includes("call call=#1 peer=bob state=connected route=direct"));
});

Deno.test("being called: through the directory", () => {
  const program = asked();
  program.types({ command: "accept" });
  program.meet({ isCaller: false });
  program.after(5_000);

  assertEquals(program.says({ type: "relay-on", call: CALL }), ["relay-open waits"]);
  const { link } = program.linkUp({ isRelayed: true });
  program.hears(link, { type: "talk", call: CALL });
  const words = program.hears(link, { type: "begin", call: CALL });

  assert(words.includes("to directory: begun route=relay call=#1"));
  assert(!words.includes("relay-close call=#1"));
});

Deno.test("being called: declined, with a reason as long as can be told, and no longer one", () => {
  const program = asked();

  const said = "\u{1f336}".repeat(256);
  const refused = program.types({ command: "decline", reason: `${said}!` }, "l");
  const words = program.types({ command: "decline", reason: said }, "d");

  assertEquals(refused, [
    "error code=too-long text=The call wasn't declined: the reason has 1025 bytes, at most 1024 " +
    "are possible ref=l",
  ]);
  assertEquals(words, [
    `to directory: answer accepts=false reason=${said} call=#1`,
    `call call=#1 peer=bob state=declined reason=${said} ref=d`,
  ]);
  assertEquals(program.types({ command: "missed" }), ["missed calls=[]"]);
});

Deno.test("being called: withdrawn, or unanswered for 30 s, it is a missed one", () => {
  const program = asked();

  assertEquals(outcome(program, "cancelled"), [
    "call call=#1 peer=bob state=ended reason=cancelled by=bob",
  ]);
  program.says({ type: "incoming", call: callId(2), from: "eve", guest: false, key: EVE });
  assertEquals(program.says({ type: "outcome", call: callId(2), state: "timeout", reason: "" }), [
    "call call=#2 peer=eve state=timeout",
  ]);
  assertEquals(program.types({ command: "missed" }), [
    "missed calls=[{from=bob at=2023-11-14T22:13:20.000Z} {from=eve at=2023-11-14T22:13:20.000Z}]",
  ]);
});

Deno.test("being called: a caller that is lost, or thrown out, hasn't withdrawn its call", () => {
  for (const [said, shown] of [["lost", "lost"], ["kicked", "peer-kicked"]] as const) {
    const program = asked();
    assertEquals(outcome(program, "cancelled", said), [
      `call call=#1 peer=bob state=ended reason=${shown}`,
    ]);
    assert(program.types({ command: "missed" })[0]?.includes("from=bob"));
  }
});

function calls(program: ClientProgram, from: string, id: number, key: PeerKey = EVE) {
  return program.says({ type: "incoming", call: callId(id), from, guest: false, key });
}

Deno.test("being called while one is busy: each caller is told of once in a call, quietly, and missed", () => {
  for (const busy of [() => ringing(), () => asked(), () => talking().program]) {
    const program = busy();
    let id = 10;
    const noticed = (name: string) => calls(program, name, ++id).length - 1;
    assertEquals(["eve", "EVE", "cem", "eve"].map(noticed), [1, 0, 1, 0]);
    assertEquals(program.machine.calling.missedCalls.map(({ from }) => from), ["eve", "cem"]);
  }
});

Deno.test("being called: by the name of who calls, it is answered", () => {
  const program = asked();

  assertEquals(program.types({ command: "call", name: "bob" }), [
    "to directory: answer accepts=true reason= call=#1",
  ]);
});

Deno.test("being called: while in another call, the other is told busy", () => {
  const { program } = talking();

  assertEquals(
    program.says({ type: "incoming", call: callId(7), from: "eve", guest: false, key: EVE }),
    [
      "to directory: answer call=#7 accepts=false reason=busy",
      "notice text=eve called, and was told that you are busy",
    ],
  );
  assertEquals(program.machine.calling.missedCalls.map(({ from }) => from), ["eve"]);
});

Deno.test("being called: nothing to answer", () => {
  const program = ClientProgram.in();

  for (
    const command of [
      { command: "accept" },
      { command: "decline", reason: "" },
      { command: "cancel" },
      { command: "hang-up" },
      { command: "say", text: "hello" },
    ] as const
  ) {
    assertEquals(program.types(command)[0]?.split(" ")[1], "code=not-allowed", command.command);
  }
});

// Both call each other.

Deno.test("two who call each other get the call with the lower id, under the number that the user knows", () => {
  const program = ringing();
  assertEquals(calls(program, "bob", 8, BOB), [], "ours is lower: bob accepts it");

  const other = ringing();
  const low = new Uint8Array(16);
  const incoming = { type: "incoming", call: low, from: "bob", guest: false, key: BOB } as const;
  assertEquals(other.says(incoming).map((word) => word.split(" ").slice(2, 4).join(" ")), [
    "hang-up reason=cancelled",
    "answer accepts=true",
  ]);
  other.meet({ call: low, isCaller: false });
  const { link } = other.linkUp();
  other.hears(link, { type: "talk", call: low });
  const words = other.hears(link, { type: "begin", call: low });
  assert(
    words.some((word) => word.startsWith("call call=#1 peer=bob state=connected")),
    words.join("\n"),
  );
});

Deno.test("two who call each other: theirs, withdrawn, is no missed call, however late that is told", () => {
  const program = ringing();
  calls(program, "bob", 8, BOB);
  program.meet();
  program.says({ type: "outcome", call: callId(8), state: "cancelled", reason: "cancelled" });
  assertEquals(program.machine.calling.missedCalls, []);
});

Deno.test("two who call each other: if ours comes to nothing, theirs rings", () => {
  const program = ringing();
  calls(program, "bob", 8, BOB);
  const words = program.says({ type: "outcome", call: CALL, state: "offline", reason: "" });
  assert(words.some((word) => word.startsWith("incoming call=#8 from=bob")), words.join("\n"));
});

Deno.test("a self-call connects at once, and shows each line once sent and once received", () => {
  const program = ClientProgram.in();

  assertEquals(program.types({ command: "call", name: "Ann" }), [
    "call call=#1 peer=ann state=ringing",
    "call call=#1 peer=ann state=connected route=direct",
  ]);
  assertEquals(program.types({ command: "say", text: "hello" }, "s"), [
    "message from=ann text=hello self=true ref=s",
    "message from=ann text=hello self=false",
  ]);
  assertEquals(withoutUsers(program.types({ command: "hang-up" })), [
    "call call=#1 peer=ann state=ended durationMs=0",
  ]);
});

Deno.test("a self-call outlives the directory", () => {
  const program = ClientProgram.in();
  program.types({ command: "call", name: "ann" });
  assertEquals(withoutUsers(program.directoryDown()).length, 1);
  program.after(1_000);
  assert(program.directoryUp()[0]?.includes("busy=true"));
});

// What begins a call, alone.

function ringingPart() {
  const output = partOutput();
  const told: string[] = [];
  const keys = new KnownKeys(output.out, [{ name: "cem", fingerprint: fingerprintOf(EVE) }]);
  const part = new Ringing({
    out: output.out,
    keys,
    session: {
      name: "ann",
      isUp: true,
      tell: (message) => void told.push(messageWords(message)),
      offends: (text) => void told.push(text),
    },
    randomBytes: () => callId(1),
    wallMs: () => WALL_MS,
  });
  return { output, part, told };
}

const incoming = (id: number, from = "bob", key = BOB) =>
  ({ type: "incoming", call: callId(id), from, guest: false, key }) as const;

Deno.test("Ringing: our user is asked of a call, but not of one with a key that it has refused", () => {
  const { output, part, told } = ringingPart();

  assertEquals(part.incoming(null, incoming(1))?.phase, "asked");
  assertEquals([output.words(), told], [["incoming call=#1 from=bob key=bob guest=false"], []]);
  assertEquals(part.incoming(null, incoming(2, "cem", EVE)), null);
  assertEquals(told, ["answer call=#2 accepts=false reason=key-changed"]);
});

Deno.test("Ringing: whoever we talk with may have hung up already: its next call waits, and was missed if it ends", () => {
  const { part, told } = ringingPart();
  const call = talkingCall();

  assertEquals(part.incoming(call, incoming(2)), null);
  assertEquals([part.isNext(callId(2).toHex()), part.isNext(callId(1).toHex())], [true, false]);
  assertEquals(part.next()?.id, callId(2).toHex());
  assertEquals(part.next(), null);
  part.incoming(call, incoming(3));
  part.missNext();
  assertEquals([part.next(), part.missedCalls.map(({ from }) => from), told], [null, ["bob"], []]);
});

Deno.test("Ringing: the last 100 calls that nobody answered are kept", () => {
  const { part } = ringingPart();
  for (let n = 1; n <= MISSED_MAX + 20; n++) part.unanswered(`b${n}`);

  const from = part.missedCalls.map(({ from }) => from);
  assertEquals([from.length, from[0], from.at(-1)], [MISSED_MAX, "b21", "b120"]);
});
