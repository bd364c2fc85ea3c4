// Old words of a member never become new entries: neither once more, nor late.

import { assertEquals, assertMatch } from "@std/assert";
import {
  HistoryEnd,
  signBatch,
  type SignedBatch,
} from "../../../lib/protocols/group/schema/history.ts";
import { recordedView, signEpoch } from "../../../lib/protocols/group/schema/epoch.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "./group_net.ts";

const ANN = fakeSigner("ann");
const START = new HistoryEnd(fakeCrypto, GROUP).point;

function begun() {
  const place = { incarnation: new Uint8Array(8), host: null, port: 9_000 };
  const ballot = { number: 1, round: 0 };
  const members = [{ key: ANN.key, name: "ann", ...place }];
  return recordedView(
    signEpoch(COORDINATOR, { group: GROUP, view: 1, ballot, members, start: START }),
  );
}

function said(process: number, counter: number, text: string): SignedBatch {
  return signBatch(ANN, {
    kind: "texts",
    signedIn: { number: process, round: 0 },
    rules: null,
    edits: [],
    group: GROUP,
    author: ANN.key,
    name: "ann",
    incarnation: new Uint8Array(8).fill(process),
    counter,
    sentAt: 0,
    texts: [text],
  });
}

Deno.test("What an earlier process of a member said is no entry once more", () => {
  const end = new HistoryEnd(fakeCrypto, GROUP);
  const yes = said(1, 1, "yes");
  end.append({ ...yes, view: begun() });
  end.append(said(2, 1, "no"));
  assertMatch(end.fault(yes)!, /counter 2 was expected, it is 1/);
});

Deno.test("What an earlier process of a member said, and nobody placed, is no entry after what it said since", () => {
  const end = new HistoryEnd(fakeCrypto, GROUP);
  const withheld = said(1, 1, "yes");
  assertEquals(end.fault({ ...withheld, view: begun() }), null);
  end.append({ ...said(2, 1, "no"), view: begun() });
  assertMatch(end.fault(withheld)!, /its author has said more since/);
  assertEquals(end.fault(said(3, 1, "perhaps")), null);
});

/** Ann has said "yes", and then "no" as another process; mal has both. */
function spoken(): { readonly net: GroupNet; readonly mal: Node; readonly yes: SignedBatch } {
  const net = GroupNet.started(["ann", "mal"]);
  const [ann, mal] = net.nodes as [Node, Node];
  ann.say("yes");
  net.settle();
  const yes = { ...mal.disk.log[0]!, view: null };
  ann.kill();
  ann.start();
  net.settle();
  net.coordinator.change(ann, mal);
  net.settle();
  ann.say("no");
  net.settle();
  assertEquals(mal.logged, ["yes", "no"]);
  return { net, mal, yes };
}

for (const [how, catchesUp] of [["catches up", true], ["is levelled", false]] as const) {
  Deno.test(`Who ${how} takes over no words that a member repeats, and blames it`, () => {
    const { net, mal, yes } = spoken();
    const held = mal.machine!.membership!.held;
    held.append(yes);
    held.setSynced(held.end);
    if (catchesUp) {
      held.shift();
      mal.disk.log.push(yes);
    }
    const bob = net.add("bob");
    bob.start();
    net.settle();
    if (catchesUp) net.coordinator.catchUp(bob, mal);
    else net.coordinator.change(...net.nodes);
    net.settle();

    const [ann] = net.nodes as [Node];
    assertEquals([ann.logged, bob.logged.filter((text) => text === "yes").length <= 1], [
      ["yes", "no"],
      true,
    ]);
    const [error] = (catchesUp ? bob : ann).told("error");
    assertMatch(error?.detail ?? "", /history: counter 2 was expected, it is 1/);
  });
}
