/** A call through the directory. */

import { assert, assertEquals } from "@std/assert";
import { callId } from "../client_program.ts";
import { CALL, outcome, relayedTalking, withoutUsers } from "./calling_cases.ts";

Deno.test("relayed: bytes go both ways, no further ahead than they are taken", () => {
  const { program } = relayedTalking();
  const bytes = new Uint8Array(16_384);

  const out = program.feed({ type: "relayed", call: CALL.toHex(), bytes: Uint8Array.of(1, 2) });
  assertEquals(out, ["to directory: relay call=#1 bytes=0102"]);
  assertEquals(program.says({ type: "relay", call: CALL, bytes: Uint8Array.of(3) }), [
    "relay-bytes call=#1 bytes=03",
  ]);
  program.says({ type: "relay", call: CALL, bytes });
  assertEquals(program.feed({ type: "relay-taken", call: CALL.toHex(), bytes: 1 }), []);
  assertEquals(program.feed({ type: "relay-taken", call: CALL.toHex(), bytes: 16_384 }), [
    "to directory: relay-room call=#1 bytes=16385",
  ]);
  assertEquals(program.says({ type: "relay-room", call: CALL, bytes: 2 }), [
    "relay-room call=#1 bytes=2",
  ]);
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

Deno.test("relayed: bytes of no call of ours go nowhere", () => {
  const { program } = relayedTalking();
  const bytes = Uint8Array.of(1);

  assertEquals(program.says({ type: "relay", call: callId(5), bytes }), []);
  assertEquals(program.says({ type: "relay-room", call: callId(5), bytes: 1 }), []);
  assertEquals(program.feed({ type: "relayed", call: callId(5).toHex(), bytes }), []);
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

Deno.test("relayed: the next call doesn't wait for the goodbye of the last", () => {
  const { program } = relayedTalking();
  program.types({ command: "hang-up" });

  assertEquals(program.types({ command: "call", name: "eve" }).slice(0, 3), [
    "to directory: hang-up call=#1 reason=",
    "relay-close call=#1",
    "to directory: call call=#2 name=eve refused=[]",
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
