// A member's part in a change of the view, without the rest of it.

import { assertEquals } from "@std/assert";
import type { Hash, PeerKey } from "../../../../lib/base/ids.ts";
import { ballotText } from "../../../../lib/protocols/group/schema/epoch.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import { ViewChangeParticipant } from "../../../../lib/protocols/group/views/view_change_participant.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { GROUP, keyOf, messageWords } from "../coordinator_program.ts";
import { begunIn, heldOf, memberOutput, nameOf } from "../member/member_parts.ts";

const OTHER = { position: 9, digest: "9".repeat(64) as Hash };

/** Ann, in the view with Bob and Cem. */
function scene() {
  const output = memberOutput();
  const said: string[] = [];
  const standing = begunIn("ann", "bob", "cem");
  const incarnation = new Uint8Array(8).fill(1);
  const participant = new ViewChangeParticipant({
    self: { name: "ann", key: keyOf("ann"), incarnation, incarnationId: incarnation.toHex() },
    ...{ standing, held: heldOf(), out: output.out, crypto: fakeCrypto, group: GROUP },
    ...{ roundView: () => standing.lastEpoch, laterView: () => null },
    send: (leader: PeerKey | null, message: GroupMessage) =>
      said.push(`${nameOf(leader)}: ${messageWords(message)}`),
    consentFault: () => null,
    freeze: () => said.push("freezes"),
    logged: () => {},
    becomeMember: () => [],
    begun: ({ epoch }) => said.push(`begins ${ballotText(epoch.value.ballot)}`),
    startAnew: () => said.push("sets its log aside"),
    differs: () => said.push("differs"),
    offends: (who, text) => said.push(`${nameOf(who)} offends: ${text}`),
  });
  const words = () => [...said.splice(0), ...output.words()];
  const disk = () => [...output.diskAnswers(), ...said.splice(0)];
  const flush = (number: number, leader: PeerKey | null = null) => {
    const ballot = { number, round: 0 };
    participant.flush(leader, { type: "flush", ballot, view: number, isLeaving: false });
    return words();
  };
  return { participant, standing, disk, flush, words };
}

Deno.test("ViewChangeParticipant stops, promises on disk, and reports then alone, again where it is asked again", () => {
  const { standing, flush, disk } = scene();
  assertEquals(flush(2), ["freezes", "disk: promised"]);
  assertEquals([standing.promised.number, flush(2)], [2, []]);
  assertEquals(disk(), ["coordinator: report"]);
  assertEquals(flush(2), ["coordinator: report"]);
});

Deno.test("ViewChangeParticipant takes part in nothing lower than it has promised, and reports to the last leader alone", () => {
  const { flush, disk } = scene();
  assertEquals(flush(1), ["coordinator: outdone"]);
  flush(2);
  flush(3, keyOf("bob"));
  assertEquals(flush(2), ["coordinator: outdone"]);
  assertEquals(disk(), ["bob: report"]);
});

Deno.test("ViewChangeParticipant that gave its part up reports nothing when the disk answers", () => {
  const { participant, flush, disk } = scene();
  flush(2);
  participant.abandon();
  assertEquals([disk(), participant.isUnderWay], [[], false]);
});

Deno.test("ViewChangeParticipant whose log has to be set aside goes on under the coordinator, and in no round", () => {
  for (const leader of [null, keyOf("bob")]) {
    const { participant, standing, flush, disk, words } = scene();
    standing.isOut = true;
    flush(2, leader);
    disk();
    const ballot = { number: 2, round: 0 };
    const source = keyOf("cem");
    participant.level(leader, { type: "level", ballot, best: ballot, start: OTHER, source });
    assertEquals(words(), ["cem: fetch 0 to 9"]);
    participant.unlike(source, { type: "unlike", after: heldOf().log });
    const goesOn = leader === null;
    const asks = goesOn ? ["cem: fetch 0 to 9"] : [];
    assertEquals([words(), participant.isUnderWay], [["sets its log aside", ...asks], goesOn]);
  }
});
