import { assertEquals } from "@std/assert";
import { cutFaults, verdictOf } from "../../../../lib/protocols/group/snapshot/cut_check.ts";
import type { Hash } from "../../../../lib/base/ids.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  ANN,
  at,
  BOB,
  CEM,
  type CutChanges,
  cutWith,
  decided,
  decisions,
  keyOf,
  replacedAt,
  texts,
} from "./cuts.ts";

Deno.test("verdictOf() says what fits", () => {
  assertEquals(verdictOf(cutWith()), {
    isConsistent: true,
    why: "nobody had received anything that wasn't sent yet; since the members' programs were " +
      "started, 10 texts were sent; 2 messages were under way between members and 1 entry to the coordinator; logs of 5 to 6 entries agree",
  });
});

const OTHER = "f".repeat(64) as Hash;
const LATER = new Uint8Array(8).fill(0xdd);

/** Each changes one thing, and is found by it. */
const FAULTS: readonly (readonly [what: string, changes: CutChanges, fault: string])[] = [
  [
    "a text that was received and not sent",
    { bob: { peers: replacedAt(BOB.peers, 0, { texts: 6, acked: 8 }) } },
    "bob had received text 6 of ann, who had sent 5",
  ],
  [
    "a text that is in no state and on no channel",
    { cem: { channels: [[], [], []] } },
    "text 5 from ann to cem isn't recorded as under way, and hadn't come",
  ],
  [
    "texts that are missing in the middle of a channel",
    {
      ann: { ...ANN, sent: 9 },
      bob: { peers: replacedAt(BOB.peers, 0, { texts: 9, acked: 8 }) },
      cem: { channels: [[texts("ann", 5), texts("ann", 8, 9)], [], []] },
    },
    "texts 6 to 7 from ann to cem aren't recorded as under way, and hadn't come",
  ],
  [
    "a text under way that wasn't sent",
    { cem: { channels: [[texts("ann", 5, 6)], [], []] } },
    "on the way from ann to cem is text 6, which wasn't sent",
  ],
  [
    "a text under way that was received",
    { cem: { channels: [[texts("ann", 4, 5)], [], []] } },
    "on the way from ann to cem is text 4, which had come",
  ],
  [
    "a text of another process",
    { cem: { channels: [[{ ...texts("ann", 5), incarnation: LATER }], [], []] } },
    "on the way from ann to cem is a text of another process",
  ],
  [
    "a text of somebody else",
    { cem: { channels: [[texts("ann", 5), texts("bob", 3)], [], []] } },
    "on the way from ann to cem is what somebody else said",
  ],
  [
    "a decision of a member's",
    { cem: { fromCoordinator: [{ ...decisions(2), author: keyOf("ann") }] } },
    "on the way to cem is what it didn't decide",
  ],
  [
    "an acknowledgement that wasn't sent",
    { bob: { peers: replacedAt(BOB.peers, 0, { texts: 5, acked: 10 }) } },
    "bob knows that ann acknowledged 10 places, it had 9",
  ],
  [
    "a log that is longer than what others have acknowledged",
    { bob: { seq: 7, log: at(9) } },
    "bob's log has 9 places, and cem had acknowledged 8",
  ],
  [
    "an order that wasn't given",
    { bob: { placed: at(11) } },
    "bob has 11 places in order, ann had put 10 in order",
  ],
  [
    "a decision that wasn't passed on",
    { bob: { channels: [[], [], []], decided: decided(3) }, coordinator: { decided: decided(3) } },
    "bob had decision 3, ann had passed on 2",
  ],
  [
    "a decision that is missing on its channel",
    { bob: { channels: [[], [], []] } },
    "decision 2 from ann to bob isn't recorded as under way, and hadn't come",
  ],
  [
    "a decision of another process of the coordinator's that is missing",
    { ann: { decided: decided(1, LATER) } },
    "decision 1 from ann to bob isn't recorded as under way, and hadn't come",
  ],
  [
    "a decision from who doesn't pass any on",
    { ann: { channels: [[], [decisions(2)], []] } },
    "on the way from bob to ann is a decision",
  ],
  [
    "a decision that the coordinator hadn't made",
    { coordinator: { decided: decided(1) } },
    "ann has decision 2, *coordinator* had made 1",
  ],
  [
    "a decision under way that the coordinator hadn't made",
    { cem: { fromCoordinator: [decisions(3)] } },
    "cem has decision 3, *coordinator* had made 2",
  ],
  [
    "a message to the coordinator that came and was never sent",
    { coordinator: { tellings: [5, 0, 9] }, tellings: [] },
    "ann had told *coordinator* of entries in 4 messages, 5 had come and 0 were under way",
  ],
  [
    "a message to the coordinator that is in no state and on no channel",
    { tellings: [] },
    "ann had told *coordinator* of entries in 4 messages, 3 had come and 0 were under way",
  ],
  [
    "a state that the coordinator knows and a member doesn't have",
    { coordinator: { consistent: { seq: 6, ...at(7) } } },
    "*coordinator* knows of 7 places in all logs, cem's has 6",
  ],
  [
    "logs of one length with two digests",
    { bob: { log: { position: 8, digest: OTHER } } },
    "ann and bob have other histories up to place 8",
  ],
  [
    "a digest that isn't the coordinator's",
    { cem: { log: { position: 6, digest: OTHER } } },
    "*coordinator* and cem have other histories up to place 6",
  ],
  [
    "more entries in a shorter log",
    { cem: { seq: 6 }, ann: { seq: 5 } },
    "cem has 6 entries at 6 places, *coordinator* 5 at 6",
  ],
  [
    "a log that isn't on its own disk",
    { ann: { acked: at(7) } },
    "ann's log has 8 places, and it has acknowledged 7",
  ],
  [
    "an acknowledgement of what isn't in order",
    { cem: { placed: at(7) } },
    "cem has acknowledged 8 places, and has 7",
  ],
  ["more entries than places", { cem: { seq: 7 } }, "cem's log has 7 entries at 6 places"],
  [
    "entries that were never said",
    { bob: { logged: 3 } },
    "bob has sent 2 texts, and 3 are entries",
  ],
  [
    "a channel that isn't recorded",
    { bob: { channels: [[], []] } },
    "bob hasn't recorded a channel from each of the 3 members",
  ],
  [
    "a channel to oneself",
    { ann: { channels: [[texts("ann", 6)], [], []] } },
    "ann has recorded a channel to itself",
  ],
];

for (const [what, changes, fault] of FAULTS) {
  Deno.test(`cutFaults() finds ${what}`, () => {
    const faults = cutFaults(cutWith(changes));

    assertEquals(faults[0], fault, faults.join("\n"));
  });
}

Deno.test("cutFaults() lets decisions of a restarted coordinator be under way", () => {
  const faults = cutFaults(cutWith({
    ann: { decided: decided(2, LATER) },
    bob: { channels: [[decisions(2), decisions(1, 2, LATER)], [], []] },
    cem: {
      decided: decided(1, LATER),
      channels: [[texts("ann", 5), decisions(2, 2, LATER)], [], []],
    },
  }));

  assertEquals(faults, []);
});

Deno.test("cutFaults() lets decisions of a former key of the coordinator be under way", () => {
  const former = { ...decisions(2), author: fakeSigner("former").key };
  const cut = cutWith({
    bob: { channels: [[former], [], []] },
    cem: { fromCoordinator: [former] },
  });
  assertEquals(cutFaults(cut), []);
});

Deno.test("verdictOf() tells the first fault, and how many there are", () => {
  const bob = { ...BOB, peers: replacedAt(BOB.peers, 0, { texts: 7, acked: 10 }) };

  assertEquals(verdictOf(cutWith({ bob })), {
    isConsistent: false,
    why: "bob knows that ann acknowledged 10 places, it had 9; and 1 more like this",
  });
});

Deno.test("a cut without members is the coordinator alone", () => {
  const cut = { ...cutWith({ coordinator: { tellings: [] } }), members: [] };

  assertEquals(cutFaults(cut), []);
});

Deno.test("the cut of the tests names each of its members", () => {
  assertEquals(cutWith().members.map(({ key }) => key), [keyOf("ann"), keyOf("bob"), keyOf("cem")]);
  assertEquals(CEM.channels.length, 3);
});
