// What the coordinator says to requests, without the rest of it.

import { assertEquals } from "@std/assert";
import { EditCoordinator } from "../../../../lib/protocols/group/edits/edit_coordinator.ts";
import { OwnKeys } from "../../../../lib/protocols/group/identity/own_keys.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { Room, viewsOf } from "../coordinator/coordinator_parts.ts";
import { FOUNDING, GROUP, keyOf, OWN } from "../coordinator_program.ts";
import { forged, requestOf } from "../edit_fixtures.ts";

/** Ann and Bob are in, Cem only asks to come in; no votes begin, as the view is to change. */
function scene() {
  const room = new Room("ann", "bob", "cem");
  const { attendance, out } = room;
  const edits = new EditCoordinator({
    ...{ group: GROUP, founding: FOUNDING, signer: OWN, crypto: fakeCrypto, policy: "own" },
    ...{ voteTimeoutMs: 30_000, views: viewsOf("ann", "bob"), attendance, out },
    keys: new OwnKeys(OWN, GROUP, OWN.key, []),
    newIncarnation: () => new Uint8Array(8).fill(7),
    wallMs: () => 0,
    isSteady: () => false,
    originOf: () => null,
    nameOf: (key) => key,
  });
  const incarnationBytes = new Uint8Array(8).fill(1);
  const requestBy = (name: string, seq: number, incarnation = incarnationBytes) => {
    const somebody = { name, signer: fakeSigner(name), incarnationBytes: incarnation };
    return requestOf(somebody, GROUP, seq, "new");
  };
  const asks = (name: string, signed: ReturnType<typeof requestBy>) => {
    const fault = edits.edit(attendance.get(keyOf(name))!, { type: "edit", signed });
    return [...fault === null ? [] : [fault], ...room.output.diskAnswers()];
  };
  return { edits, requestBy, asks };
}

Deno.test("EditCoordinator numbers what it accepts, says the same again, and reserves numbers on disk first", () => {
  const { edits, requestBy, asks } = scene();
  const first = requestBy("ann", 1);
  const [reserved, ...said] = asks("ann", first);
  assertEquals(reserved?.startsWith("disk: edits to "), true);
  assertEquals(said, ["ann: edit-accepted 1"]);
  assertEquals(asks("ann", first), ["ann: edit-accepted 1"]);
  assertEquals(asks("bob", requestBy("bob", 2)), ["bob: edit-accepted 2"]);
  assertEquals(edits.locks, [1, 2]);
});

Deno.test("EditCoordinator: an entry is edited by one at a time", () => {
  const { requestBy, asks } = scene();
  asks("ann", requestBy("ann", 1));
  assertEquals(asks("bob", requestBy("bob", 1)), ["bob: edit-refused entry-locked"]);
});

Deno.test("EditCoordinator takes nobody's request from another, nor an unsigned one; who isn't in the view asks later", () => {
  const { edits, requestBy, asks } = scene();
  assertEquals(asks("ann", requestBy("bob", 1)), ["it asks for somebody else's edit"]);
  assertEquals(asks("ann", requestBy("ann", 1, new Uint8Array(8).fill(9))), [
    "another process asked for that",
  ]);
  assertEquals(asks("ann", forged(requestBy("ann", 1))), [
    "it hasn't signed the edit that it asks for",
  ]);
  assertEquals([asks("cem", requestBy("cem", 1)), edits.locks], [[], []]);
});
