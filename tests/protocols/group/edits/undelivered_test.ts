// Decisions that aren't in the log yet, without the rest of the member.

import { assertEquals, assertNotEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { Sequencing } from "../../../../lib/protocols/group/log/sequencing.ts";
import { Undelivered } from "../../../../lib/protocols/group/edits/undelivered.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { GROUP, keyOf, OWN } from "../coordinator_program.ts";
import { Decider, editOf, forged, idOf, requestOf } from "../edit_fixtures.ts";
import { heldOf, memberOutput, nameOf, speaker } from "../member/member_parts.ts";

/** Bob, in the view of Ann, who orders; what the coordinator has decided on an entry that is in the log. */
function scene(isCoordinatorUp = false) {
  const output = memberOutput();
  const said: string[] = [];
  const ann = keyOf("ann");
  const held = heldOf(speaker("ann").says("old"));
  held.shift();
  const parts = {
    ...{ crypto: fakeCrypto, group: GROUP, held, out: output.out },
    ordering: () => ({ sequencer: ann, isSequencer: false }) as never as Sequencing | null,
    standing: { mayDecide: (key: PeerKey) => key === OWN.key },
    consentFault: () => null as string | null,
    coordinator: {
      isUp: isCoordinatorUp,
      tell: ({ type }: { readonly type: string }) => said.push(`coordinator: ${type}`),
      offends: (text: string) => said.push(`coordinator offends: ${text}`),
    },
    offends: (who: PeerKey, text: string) => said.push(`${nameOf(who)} offends: ${text}`),
  };
  const undelivered = new Undelivered(parts, () => false);
  const request = requestOf({ name: "ann", signer: fakeSigner("ann") }, GROUP, 1, "new");
  const signed = new Decider(OWN, GROUP).decides([editOf(1, request)]);
  const words = () => [...said.splice(0), ...output.words()];
  return { parts, output, undelivered, request, signed, words };
}

Deno.test("Undelivered: while the coordinator is away a decision goes to the sequencer, once, and to it again when it is back", () => {
  const { undelivered, request, signed, words } = scene();
  undelivered.take(keyOf("cem"), signed);
  assertEquals(words(), ["ann: committed"]);
  undelivered.take(keyOf("cem"), signed);
  assertEquals(words(), [], "repetitions don't make us send more");
  assertEquals([undelivered.changes(1), undelivered.changes(2)], [true, false]);
  assertEquals(undelivered.on(idOf(request))?.isChecked, true);
  undelivered.tellCoordinator();
  assertEquals(words(), ["coordinator: committed"]);
  undelivered.logged(signed);
  assertEquals(undelivered.on(idOf(request)), null);

  const connected = scene(true);
  connected.undelivered.take(null, connected.signed);
  assertEquals(connected.words(), [], "the coordinator tells all itself");
});

Deno.test("Undelivered takes no decision of anybody but the coordinator, nor one that it hasn't signed", () => {
  const { undelivered, request, signed, words } = scene();
  undelivered.take(keyOf("cem"), forged(signed));
  undelivered.take(
    keyOf("cem"),
    new Decider(fakeSigner("cem"), GROUP).decides([editOf(1, request)]),
  );
  assertEquals(words(), [
    "cem offends: a decision isn't signed",
    "cem offends: somebody else has decided on an edit",
  ]);
  assertEquals(undelivered.changes(1), false);
});

Deno.test("Undelivered: a decision that can't be is told once, whoever passes it on, and the coordinator each time", () => {
  const { parts, undelivered, signed, words } = scene();
  parts.consentFault = () => "a consent is missing";
  const lie = "The coordinator has decided on an edit that can't be: a consent is missing";
  for (let time = 0; time < 2; time++) undelivered.take(keyOf("cem"), signed);
  const told = ["coordinator: impossible", "coordinator: impossible"];
  assertEquals(words(), [...told, `${lie}; it is refused here`]);
  assertEquals([undelivered.lie, undelivered.changes(1)], [lie, false]);
});

Deno.test("Undelivered: what a decision changes may be to come outside of epochs, and in one it is there or never", () => {
  const { parts, undelivered, words } = scene(true);
  parts.consentFault = () => "there is no entry 2";
  const { ordering } = parts;
  parts.ordering = () => null;
  const request = requestOf({ name: "ann", signer: fakeSigner("ann") }, GROUP, 2, "new");
  undelivered.take(null, new Decider(OWN, GROUP).decides([editOf(1, request)]));
  assertEquals([words(), undelivered.changes(2)], [[], true]);

  parts.ordering = ordering;
  undelivered.offer();
  const lie = "The coordinator has decided on an edit that can't be: there is no entry 2";
  assertEquals(words(), ["coordinator: impossible", `${lie}; it is refused here`]);
  assertEquals(undelivered.changes(2), false);
});

Deno.test("Undelivered: a decision that is the first in a view's order is passed on as the coordinator signed it", () => {
  const { parts, output, undelivered, request, signed } = scene();
  const { view } = speaker("ann").says("new");
  assertNotEquals(view, null);
  parts.held.append({ ...signed, view });
  undelivered.tell(keyOf("cem"), undelivered.on(idOf(request))!);
  const [told] = output.out.take();
  assertEquals(told, {
    type: "tell",
    peers: [keyOf("cem")],
    message: { type: "committed", signed },
  });

  const other = scene();
  other.undelivered.take(
    keyOf("cem"),
    (told as { message: { signed: typeof signed } }).message.signed,
  );
  assertEquals(other.words(), ["ann: committed"]);
});
