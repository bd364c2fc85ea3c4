/** How the two sides get a link. */

import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import type { ClientCall } from "../../../../lib/protocols/directory/client_calls/client_call.ts";
import { Connecting } from "../../../../lib/protocols/directory/client_calls/connecting.ts";
import { CALLEE_DIALS_MS } from "../../../../lib/protocols/directory/schema/client_limits.ts";
import { BOB, EVE, partOutput } from "../client_program.ts";
import { callWith, connectingCall } from "./call_parts.ts";
import { CALL } from "./calling_cases.ts";

const DIAL = "dial call 10.0.0.2:5000 bob";

function connecting(of: typeof connectingCall = connectingCall, phase?: "asked") {
  const output = partOutput();
  const call = of(phase === undefined ? { out: output.out } : { out: output.out, phase });
  const talksOn: number[] = [];
  let attempts = 0;
  const part = new Connecting({
    out: output.out,
    nextAttempt: () => ++attempts,
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
  callee.part.tick(callee.call);
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
