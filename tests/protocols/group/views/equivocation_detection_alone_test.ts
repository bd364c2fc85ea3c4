// A member's part where two acknowledge different things, without the rest of it.

import { assertEquals } from "@std/assert";
import { signBatch } from "../../../../lib/protocols/group/schema/history.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import {
  equivocatedText,
  EquivocationDetection,
} from "../../../../lib/protocols/group/views/equivocation_detection.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { viewOf } from "../coordinator/coordinator_parts.ts";
import { GROUP, keyOf } from "../coordinator_program.ts";
import { heldOf, memberOutput, nameOf, speaker } from "../member/member_parts.ts";

/** What Bob has signed, and another batch of his under the same counter. */
function twice() {
  const one = speaker("bob").says("this");
  const other = signBatch(fakeSigner("bob"), { ...one.batch.value, texts: ["that"] });
  return { one, other };
}

/** Ann, in the view with Bob and Cem, holds what Bob has said. */
function scene(isCoordinatorUp = true) {
  const output = memberOutput();
  const said: string[] = [];
  const detection = new EquivocationDetection({
    ...{ selfKey: keyOf("ann"), crypto: fakeCrypto, group: GROUP, held: heldOf(twice().one) },
    out: output.out,
    coordinator: {
      ...{ isUp: isCoordinatorUp, isDown: !isCoordinatorUp },
      tell: ({ type }: GroupMessage) => said.push(`coordinator: ${type}`),
      offends: (text) => said.push(text),
    },
    names: { written: nameOf } as never,
    ordering: () => null,
    standing: { mayDecide: () => false },
    offends: (who, text) => said.push(`${nameOf(who)} offends: ${text}`),
    complains: (who) => said.push(`complains of ${nameOf(who)}`),
    due: () => {},
  });
  const words = () => [...said.splice(0), ...output.words()];
  return { detection, words };
}

Deno.test("EquivocationDetection: the coordinator's word against a member needs a proof", () => {
  const { detection, words } = scene();
  const { one, other } = twice();
  detection.judged({ type: "equivocated", one, other: one });
  assertEquals(words(), ["it keeps somebody out without a proof"]);
  detection.judged({ type: "equivocated", one, other });
  assertEquals(words(), [equivocatedText("bob")]);
  detection.begun(viewOf(2, "ann", "cem").epoch.value);
  assertEquals([words(), detection.proven], [[], []]);
});
