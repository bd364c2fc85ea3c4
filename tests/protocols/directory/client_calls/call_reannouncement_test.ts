/** What the directory is told again of a call that goes on without it. */

import { assertEquals } from "@std/assert";
import { CallReannouncement } from "../../../../lib/protocols/directory/client_calls/call_reannouncement.ts";
import type { ClientCall } from "../../../../lib/protocols/directory/client_calls/client_call.ts";
import { DECIDED_MS } from "../../../../lib/protocols/directory/schema/limits.ts";
import { messageWords, partOutput } from "../client_program.ts";
import { connectingCall, linkOf, talkingCall } from "./call_parts.ts";
import { CALL } from "./calling_cases.ts";

function reannouncing() {
  const output = partOutput();
  const told: string[] = [];
  const calls = new CallReannouncement({
    out: output.out,
    session: {
      tell: (message) => void told.push(messageWords(message)),
      renew: () => void told.push("enters anew"),
    },
  });
  /** What the directory is told when the time has come. */
  const later = () => {
    output.pass(DECIDED_MS);
    calls.deadlines.tick(output.out.nowMs);
    return told.splice(0);
  };
  return { calls, told, later };
}

const named = { call: CALL, name: "bob" };

Deno.test("CallReannouncement: a direct call is named as we come in, one that the directory relays isn't, nor our own", () => {
  const enters = (call: ClientCall | null) => reannouncing().calls.enters(call);

  assertEquals(enters(talkingCall()), named);
  assertEquals(enters(talkingCall(linkOf(1, { isRelayed: true }))), null);
  assertEquals(enters(talkingCall(null, { peer: "ann" })), null);
  assertEquals(enters(connectingCall()), null);
  assertEquals(enters(null), null);
});

Deno.test("CallReannouncement: a call that ended before the directory has answered is told to have ended", () => {
  const { calls, told } = reannouncing();
  calls.enters(talkingCall());
  calls.over();

  calls.entered(null);
  assertEquals(told, ["hang-up reason= call=#1"]);
});

Deno.test("CallReannouncement: a call that came about as we came in is told of by coming in anew", () => {
  const before = reannouncing();
  const call = connectingCall();
  before.calls.enters(call);
  before.calls.entered(call);
  call.enter("talking");
  call.link = linkOf(1);
  before.calls.talks(call);
  assertEquals(before.later(), ["enters anew"]);
  assertEquals(before.calls.enters(call), named);
  before.calls.entered(call);
  assertEquals(before.later(), [], "it was named");

  const meanwhile = reannouncing();
  const other = connectingCall();
  meanwhile.calls.enters(other);
  other.enter("talking");
  other.link = linkOf(1);
  meanwhile.calls.entered(other);
  assertEquals(meanwhile.later(), ["enters anew"]);
});

Deno.test("CallReannouncement: a directory that holds a call for over is told once, unless that soon is so", () => {
  const { calls, later } = reannouncing();
  const call = talkingCall();

  calls.isHeldForOver(call);
  calls.over();
  assertEquals(later(), [], "it was right");
  calls.isHeldForOver(call);
  assertEquals(later(), ["enters anew"]);
  calls.isHeldForOver(call);
  assertEquals(later(), []);
});

Deno.test("CallReannouncement: of a self-call the directory is told anew, as nobody else takes part in it", () => {
  const { calls, told } = reannouncing();
  const call = talkingCall(null, { peer: "ann" });
  calls.enters(call);

  calls.entered(call);
  assertEquals(told, ["call call=#1 name=ann refused=[]", "begun route=direct call=#1"]);
});
