/** How the two sides get a link. */

import { VisitLink } from "../../../../lib/protocols/directory/client_calls/visit_link.ts";
import { assert, assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import type { ClientCall } from "../../../../lib/protocols/directory/client_calls/client_call.ts";
import {
  Connecting,
  RelayedCalls,
} from "../../../../lib/protocols/directory/client_calls/connecting.ts";
import {
  CALLEE_DIALS_MS,
  RELAY_BYTES_MAX,
  RELAY_CREDIT_BYTES,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { BOB, callId, EVE, messageWords, partOutput } from "../client_program.ts";
import { callWith, connectingCall } from "./call_parts.ts";
import { CALL, outcome, relayedTalking, withoutUsers } from "./calling_cases.ts";

const DIAL = "dial call 10.0.0.2:5000 bob";

function connecting(of: typeof connectingCall = connectingCall, phase?: "asked") {
  const output = partOutput();
  const call = of(phase === undefined ? { out: output.out } : { out: output.out, phase });
  const talksOn: number[] = [];
  let attempts = 0;
  const part = new Connecting({
    out: output.out,
    call: () => call,
    nextAttempt: () => ++attempts,
    isStillExpected: () => true,
    talks: (_, { link }) => void talksOn.push(link),
  });
  let links = 0;
  const linkUp = (
    more: { peer?: typeof BOB; attempt?: number } = {},
    at: ClientCall | null = call,
  ) => {
    const link = ++links as LinkId;
    const { peer = BOB, attempt = null } = more;
    const host = "10.0.0.2";
    const dialled = attempt !== null;
    part.linkUp(at, { type: "link-up", link, peer, dialled, attempt, host, isRelayed: false });
    return link;
  };
  return { output, call, part, linkUp, talksOn };
}

Deno.test("Connecting: the caller dials at once, the callee where the caller's link doesn't come at once", () => {
  const caller = connecting();
  caller.part.begins(caller.call);
  assertEquals(caller.output.words(), [DIAL]);

  const callee = connecting(connectingCall, "asked");
  callee.part.begins(callee.call);
  assertEquals(callee.output.words(), []);
  callee.output.pass(CALLEE_DIALS_MS);
  callee.part.deadlines.tick(callee.output.out.nowMs);
  assertEquals(callee.output.words(), [DIAL]);
});

Deno.test("Connecting: whoever takes no calls isn't dialled, and dials itself", () => {
  const { output, call, part, linkUp, talksOn } = connecting();
  call.met = { key: BOB, endpoint: { host: "10.0.0.2", port: 0 }, mayRelay: true };
  part.begins(call);
  assertEquals(output.words(), []);

  part.message(call, linkUp(), { type: "talk", call: CALL });
  assertEquals([output.words(), talksOn], [["to link 1: begin call=#1"], [1]]);
});

Deno.test("Connecting: the caller begins on its own link as soon as that is up", () => {
  const { output, call, part, linkUp, talksOn } = connecting();
  part.begins(call);
  output.words();

  linkUp({ attempt: 1 });
  assertEquals(output.words(), ["to link 1: talk call=#1", "to link 1: begin call=#1"]);
  assertEquals([talksOn, call.links.attempt], [[1], null]);
});

Deno.test("Connecting: a link that is up before it is known with whom waits for that", () => {
  const { output, call, part, linkUp, talksOn } = connecting(callWith);
  linkUp({ peer: EVE });
  part.message(call, linkUp(), { type: "talk", call: CALL });
  assertEquals([output.words(), talksOn], [[], []]);

  call.key = BOB;
  call.met = { key: BOB, endpoint: { host: "10.0.0.2", port: 5_000 }, mayRelay: true };
  call.enter("connecting");
  part.begins(call);
  assertEquals(output.words(), [DIAL, "close link 1", "to link 2: begin call=#1"]);
  assertEquals(talksOn, [2]);
});

Deno.test("Connecting: links of nobody that is expected are closed, and so is one that speaks too early", () => {
  const { output, call, part, linkUp, talksOn } = connecting();
  linkUp({}, null);
  linkUp({ peer: EVE });
  part.message(call, linkUp(), { type: "line", text: "early" });

  assertEquals(output.words(), ["close link 1", "close link 2", "close link 3"]);
  assertEquals(talksOn, []);
});

const ID = CALL.toHex();

/** The call is relayed. */
function relayedCalls() {
  const output = partOutput();
  const told: string[] = [];
  const { out } = output;
  const calls = new RelayedCalls({
    out,
    tell: (_, message) => void told.push(messageWords(message)),
    link: new VisitLink({ out, nextAttempt: () => 1, directory: () => null }),
  });
  assertEquals([calls.open(ID), calls.open(ID)], [true, false]);
  const comes = (bytes: number, call = CALL) =>
    calls.came({ type: "relay", call, bytes: new Uint8Array(bytes) });
  return { output, told: () => told.splice(0), calls, comes };
}

Deno.test("RelayedCalls: bytes go both ways, no further ahead than they are taken", () => {
  const { output, told, calls, comes } = relayedCalls();

  calls.send(ID, Uint8Array.of(1, 2));
  assertEquals(told(), ["relay call=#1 bytes=0102"]);
  calls.came({ type: "relay", call: CALL, bytes: Uint8Array.of(3) });
  assertEquals(output.words(), ["relay-bytes call=#1 bytes=03"]);
  comes(RELAY_BYTES_MAX);
  calls.taken(ID, RELAY_BYTES_MAX - 1);
  assertEquals(told(), [], "not yet worth a message");
  calls.taken(ID, 2);
  assertEquals(told(), [`relay-room call=#1 bytes=${RELAY_BYTES_MAX + 1}`]);
  output.words();
  calls.came({ type: "relay-room", call: CALL, bytes: 2 * RELAY_CREDIT_BYTES });
  assertEquals(output.words(), [`relay-room call=#1 bytes=${RELAY_CREDIT_BYTES}`]);
});

Deno.test("RelayedCalls: there is room for the credit, and for what was taken since", () => {
  const { calls, comes } = relayedCalls();

  assertEquals([comes(RELAY_CREDIT_BYTES), comes(1)], [true, false]);
  const other = relayedCalls();
  other.comes(RELAY_CREDIT_BYTES);
  other.calls.taken(ID, RELAY_BYTES_MAX);
  assertEquals([other.comes(RELAY_BYTES_MAX), other.comes(1)], [true, false]);
  assertEquals(calls.isParting, false);
});

Deno.test("RelayedCalls: bytes of no call of ours go nowhere", () => {
  const { output, told, calls, comes } = relayedCalls();

  assertEquals(comes(RELAY_CREDIT_BYTES + 1, callId(5)), true);
  calls.send(callId(5).toHex(), Uint8Array.of(1));
  calls.close(callId(5).toHex());
  assertEquals([output.words(), told()], [[], []]);
});

Deno.test("RelayedCalls: a goodbye goes out first, but holds up no other call", () => {
  const { output, told, calls } = relayedCalls();
  calls.part(ID, 1 as LinkId);
  calls.close(ID);
  assertEquals([output.words(), calls.linkDown(2 as LinkId)], [[], false]);

  calls.open(callId(2).toHex());
  assertEquals(told(), ["hang-up call=#1 reason="]);
  assertEquals([output.words(), calls.isParting], [["relay-close call=#1"], false]);
});

Deno.test("relayed: more than there is room for ends the link to the directory", () => {
  const { program } = relayedTalking();
  const bytes = new Uint8Array(16_384);
  for (let n = 0; n < 4; n++) program.says({ type: "relay", call: CALL, bytes });

  assertEquals(
    program.says({ type: "relay", call: CALL, bytes: Uint8Array.of(1) })[0],
    "close directory",
  );
});

Deno.test("relayed: whoever hangs up says so once all of it has gone out", () => {
  const { program, link } = relayedTalking();

  assertEquals(withoutUsers(program.types({ command: "hang-up" })), [
    `close link ${link}`,
    "call call=#1 peer=bob state=ended durationMs=0",
  ]);
  const bytes = Uint8Array.of(1);
  assertEquals(program.feed({ type: "relayed", call: CALL.toHex(), bytes }), [
    "to directory: relay call=#1 bytes=01",
  ]);
  assertEquals(program.linkDown(link, true), [
    "to directory: hang-up call=#1 reason=",
    "relay-close call=#1",
  ]);
});

Deno.test("relayed: the directory's word that it is over leaves the other's goodbye a second to come", () => {
  const closed = relayedTalking();
  assertEquals(outcome(closed.program, "ended"), []);
  assertEquals(closed.program.hears(closed.link, { type: "line", text: "last" }), [
    "message from=bob text=last self=false",
  ]);
  const words = closed.program.linkDown(closed.link, true);
  assert(words.includes("call call=#1 peer=bob state=ended reason=hung-up durationMs=0"));

  const gone = relayedTalking();
  outcome(gone.program, "ended");
  assertEquals(withoutUsers(gone.program.after(1_000)), [
    `close link ${gone.link}`,
    "to directory: hang-up reason=lost call=#1",
    "relay-close call=#1",
    "call call=#1 peer=bob state=ended reason=lost durationMs=1000",
  ]);
});
