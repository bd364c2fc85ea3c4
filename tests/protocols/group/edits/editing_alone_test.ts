// Edits that our user asks for, without the rest of the member.

import { assertEquals } from "@std/assert";
import type { MessageId } from "../../../../lib/base/ids.ts";
import { SILENT_LOGGER } from "../../../../lib/base/machine/environment.ts";
import { Editing } from "../../../../lib/protocols/group/edits/editing.ts";
import { EntryLookups } from "../../../../lib/protocols/group/log/held_batches.ts";
import { requestId } from "../../../../lib/protocols/group/schema/edit.ts";
import { EDITS_QUEUED_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { GROUP } from "../coordinator_program.ts";
import { forged } from "../edit_fixtures.ts";
import { heldOf, memberOutput, speaker } from "../member/member_parts.ts";

/** Ann's log has one entry; she is in the group with Bob. */
function scene() {
  const output = memberOutput();
  const held = heldOf(speaker("ann").says("old"));
  held.shift();
  const sent: GroupMessage[] = [];
  const looked: number[] = [];
  const looks = new EntryLookups(({ token }) => looked.push(token));
  const incarnation = new Uint8Array(8).fill(1);
  const signer = fakeSigner("ann");
  const group = { group: GROUP, held, rules: null, present: [], others: ["bob"] };
  const parts = {
    self: { name: "ann", incarnation, incarnationId: incarnation.toHex(), key: signer.key },
    signer,
    environment: {
      ...{ random: () => 0, randomBytes: (length: number) => new Uint8Array(length) },
      ...{ wallMs: () => 0, crypto: fakeCrypto, log: SILENT_LOGGER },
    },
    out: output.out,
    looks,
    names: {} as never,
    editingIn: () => group,
    saying: { unsent: 1 },
    coordinator: { isUp: true, tell: (message: GroupMessage) => void sent.push(message) },
  };
  const editing = new Editing(parts, []);
  const looksUp = () => {
    const entry = { id: "e1".repeat(32) as MessageId, text: "old" };
    for (const token of looked.splice(0)) looks.looked(token, entry as never);
    return sent.splice(0).flatMap((message) => message.type === "edit" ? [message.signed] : []);
  };
  return { output, group, coordinator: parts.coordinator, editing, sent, looksUp };
}

Deno.test("Editing asks for an entry as the log has it, once, and again on each link until it is answered", () => {
  const { output, editing, looksUp } = scene();
  editing.want(1, "new", "r");
  editing.pump();
  const [signed, ...more] = looksUp();
  assertEquals([signed?.request.value.text, more], ["new", []]);
  editing.resume();
  assertEquals(looksUp(), [signed!]);

  const id = requestId(fakeCrypto, signed!.request.value);
  editing.accepted({ type: "edit-accepted", id, edit: 4, voteMs: 0 });
  editing.resume();
  assertEquals([looksUp(), editing.pending, editing.has(id)], [[], 1, true]);
  assertEquals(output.diskAnswers(), ["disk: asked", "edit-started"], "told once it is on disk");
});

Deno.test("Editing knows what it has signed, accepted or not, and nothing else", () => {
  const { editing, looksUp } = scene();
  editing.want(1, "new", undefined);
  const signed = looksUp()[0]!;
  const id = requestId(fakeCrypto, signed.request.value);
  const known = () => [signed, forged(signed)].map((one) => editing.hasSigned(id, one));
  assertEquals(known(), [true, false]);
  editing.accepted({ type: "edit-accepted", id, edit: 4, voteMs: 0 });
  assertEquals(known(), [true, false]);
  editing.committed(id);
  assertEquals(known(), [false, false]);
});

Deno.test("Editing: of an entry that isn't there the user is told at once, unless only they can add it in a moment", () => {
  const { output, group, editing } = scene();
  editing.want(2, "new", undefined);
  assertEquals([output.words(), editing.size], [["error"], 0]);
  Object.assign(group, { others: [] });
  editing.want(2, "new", undefined);
  assertEquals([output.words(), editing.size], [[], 1]);
  editing.want(3, "new", undefined);
  assertEquals(output.words(), ["error"]);
});

Deno.test("Editing keeps some edits while the coordinator is away, says so, and asks when it is back", () => {
  const { output, coordinator, editing, looksUp } = scene();
  coordinator.isUp = false;
  for (let n = 0; n < EDITS_QUEUED_MAX; n++) editing.want(1, `${n}`, undefined);
  assertEquals(
    output.words()[0],
    "Your edit of entry 1 waits for the coordinator; it is lost if this program ends before",
  );
  editing.want(1, "one more", undefined);
  assertEquals([output.words(), looksUp()], [["error"], []]);
  coordinator.isUp = true;
  editing.resume();
  const [signed, ...more] = looksUp();
  assertEquals([signed?.request.value.text, more], ["0", []], "one after the other");
  const id = requestId(fakeCrypto, signed!.request.value);
  editing.refused({ type: "edit-refused", id, code: "not-allowed", text: "" });
  assertEquals(looksUp().map(({ request }) => request.value.text), ["1"]);
});
