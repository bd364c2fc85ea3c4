// Whose words a history says that it has: the views that are recorded in it.

import { assertEquals, assertMatch } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import {
  type Epoch,
  isSignedBy,
  isViewSignedBy,
  recordedView,
  signEpoch,
} from "../../../lib/protocols/group/schema/epoch.ts";
import {
  HistoryEnd,
  signBatch,
  type SignedBatch,
  viewSignatureFault,
} from "../../../lib/protocols/group/schema/history.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { COORDINATOR, GROUP, GroupNet } from "./group_net.ts";

const [ANN, EVE] = [fakeSigner("ann"), fakeSigner("eve")];
const START = new HistoryEnd(fakeCrypto, GROUP).point;

function view(
  names: Readonly<Record<string, string>>,
  changes: Partial<Epoch> = {},
  signer = COORDINATOR,
) {
  const members = Object.entries(names).map(([who, name]) => {
    const place = { incarnation: new Uint8Array(8), host: null, port: 9_000 };
    return { key: fakeSigner(who).key, name, ...place };
  });
  const number = changes.view ?? 1;
  const ballot = { number, round: 0 };
  const epoch = { group: GROUP, view: number, ballot, members, start: START, ...changes };
  return recordedView(signEpoch(signer, epoch));
}

function says(end: HistoryEnd, signer: typeof ANN, name: string): SignedBatch {
  const incarnation = new Uint8Array(8);
  return signBatch(signer, {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    edits: [],
    group: GROUP,
    author: signer.key,
    name,
    incarnation,
    counter: end.through(signer.key, incarnation.toHex()) + 1,
    sentAt: 0,
    texts: ["I agree to pay"],
  });
}

Deno.test("Texts count only under the name that the last recorded view gives to their author", () => {
  const end = new HistoryEnd(fakeCrypto, GROUP);
  const first = says(end, ANN, "ann");
  assertMatch(end.fault(first)!, /nobody says that ann said it: its author was no member/);
  end.append({ ...first, view: view({ ann: "ann" }) });
  assertEquals(end.fault(says(end, ANN, "ann")), null);
  assertMatch(end.fault(says(end, ANN, "bob"))!, /its author had another name then/);
  assertMatch(end.fault(says(end, EVE, "ann"))!, /nobody says that ann said it/);

  const mark = end.mark(EVE.key);
  const renamed = view({ ann: "anna", eve: "eve" }, { view: 2 });
  end.append({ ...says(end, EVE, "eve"), view: renamed });
  assertMatch(end.fault(says(end, ANN, "ann"))!, /its author had another name then/);
  end.takeBack(mark);
  assertEquals(end.fault(says(end, ANN, "ann")), null);
});

Deno.test("A view is recorded in its place, once, as one of this history", () => {
  const end = new HistoryEnd(fakeCrypto, GROUP);
  end.append({ ...says(end, ANN, "ann"), view: view({ ann: "ann" }, { view: 3 }) });
  const faultOf = (
    changes: Partial<Epoch>,
    names: Record<string, string> = { ann: "ann", eve: "eve" },
  ) => end.fault({ ...says(end, EVE, "eve"), view: view(names, { view: 4, ...changes }) });
  assertEquals(faultOf({}), null);
  assertEquals(faultOf({ start: end.point }), null);
  assertMatch(faultOf({}, { ann: "ann" })!, /view 4 changes no name/);
  assertMatch(faultOf({ view: 3 })!, /view 3 isn't in its place/);
  assertMatch(faultOf({ start: { ...end.point, position: 2 } })!, /view 4 isn't in its place/);
  assertMatch(faultOf({ start: { ...START, position: 1 } })!, /isn't one of this history/);
  assertMatch(faultOf({ group: "7".repeat(64) as typeof GROUP })!, /isn't one of this history/);
});

Deno.test("The digest of a history covers the views that are recorded in it", () => {
  const digests = [null, view({ ann: "ann" }), view({ ann: "ann", eve: "eve" })].map((view) => {
    const end = new HistoryEnd(fakeCrypto, GROUP);
    end.append({ ...says(end, ANN, "ann"), view });
    return end.digest;
  });
  assertEquals(new Set(digests).size, 3);
});

Deno.test("A view counts only as a key of the coordinator's has signed it", () => {
  const isCoordinator = (key: PeerKey) => key === COORDINATOR.key;
  const faultOf = (signed: ReturnType<typeof view>) =>
    viewSignatureFault(fakeCrypto, { view: signed }, isCoordinator);
  const own = view({ ann: "ann" });
  assertEquals(faultOf(own), null);
  assertMatch(faultOf(view({ ann: "ann" }, {}, EVE))!, /the coordinator hasn't signed view 1/);
  assertMatch(faultOf({ ...own, signature: new Uint8Array(64) })!, /hasn't signed view 1/);
  const claimed = view({ ann: "ann" }, {}, EVE);
  assertEquals(isViewSignedBy(fakeCrypto, COORDINATOR.key, claimed), false);
});

Deno.test("An epoch counts only with the signature that histories record, which is over no address", () => {
  const members = [{
    key: ANN.key,
    name: "ann",
    incarnation: new Uint8Array(8),
    host: "ann.example",
    port: 9_000,
  }];
  const ballot = { number: 1, round: 0 };
  const epoch = { group: GROUP, view: 1, ballot, members, start: START };
  const signed = signEpoch(COORDINATOR, epoch);
  const [there] = members;
  const elsewhere = signEpoch(COORDINATOR, {
    ...epoch,
    members: [{ ...there!, host: "home.example", port: 9_001 }],
  });

  const { key } = COORDINATOR;
  assertEquals(isSignedBy(fakeCrypto, key, signed), true);
  assertEquals(isSignedBy(fakeCrypto, key, { ...signed, viewSignature: signed.signature }), false);
  assertEquals(recordedView(elsewhere), recordedView(signed));
  assertEquals(isViewSignedBy(fakeCrypto, key, recordedView(signed)), true);
});

for (const [how, catchesUp] of [["catches up", true], ["is levelled", false]] as const) {
  Deno.test(`Who ${how} takes over no words that a member has put into another's mouth, and blames it`, () => {
    const net = GroupNet.started(["mal"]);
    const [mal] = net.nodes;
    mal!.say("on reflection I agree to pay");
    net.settle();
    mal!.lies = (_, message) => {
      if (message.type !== "history") return [message];
      const batches = message.batches.map((signed) => {
        const lie = signBatch(mal!.signer, { ...signed.batch.value, name: "ann" });
        return { ...lie, view: signed.view };
      });
      return [{ ...message, batches }];
    };
    const bob = net.add("bob");
    bob.start();
    net.settle();
    if (catchesUp) net.coordinator.catchUp(bob, mal!);
    else net.coordinator.change(mal!, bob);
    net.settle();

    assertEquals([bob.disk.log, bob.told("message")], [[], []]);
    const [error] = bob.told("error");
    assertMatch(error?.detail ?? "", /history: nobody says that ann said it/);
  });
}
