import { assertEquals } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import type { HeldBatch } from "../../../../lib/protocols/group/log/held_batches.ts";
import { MemberNames } from "../../../../lib/protocols/group/identity/member_names.ts";
import { MemberOutput } from "../../../../lib/protocols/group/schema/member_output.ts";
import { EntryDelivery } from "../../../../lib/protocols/group/log/entry_delivery.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";

const ann = fakeSigner("ann").key;

/** A showing, and whether each entry that it shows is said to be history. */
function watched() {
  const out = new MemberOutput(() => true);
  const names = new MemberNames(ann, new Map(), out);
  const showing = new EntryDelivery({ selfKey: ann, out, names });
  const shows = (position: number) => {
    out.begin(0);
    const value = { author: ann, name: "ann", sentAt: 0 };
    const entry = { seq: position, position, id: "" as Hash, text: "text" };
    const batch = { signed: { batch: { value } }, entries: [entry], edits: [], rules: null };
    showing.show(batch as unknown as HeldBatch, null, null);
    return out.take().flatMap((effect) =>
      effect.type === "show" && effect.event.event === "message" ? [effect.event.history] : []
    );
  };
  return { showing, shows };
}

Deno.test("Showing: what is said in a view is new, also where the log before it was set aside for another one", () => {
  const { showing, shows } = watched();
  showing.startedAt(65);
  assertEquals([shows(65), shows(66)], [[true], [false]]);

  showing.restart(null);
  assertEquals(shows(1), [true]); // fetched
  showing.startedAt(1);
  assertEquals(shows(2), [false]);
});

Deno.test("Showing: what comes again of the same history isn't shown, and what follows is new", () => {
  const { showing, shows } = watched();
  showing.startedAt(0);
  shows(1);
  showing.restart(1);
  showing.startedAt(1);

  assertEquals([shows(1), shows(2)], [[], [false]]);
});
