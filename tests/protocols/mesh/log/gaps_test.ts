/** What nobody has any more is skipped, told, and not before every neighbour said so; and where a newcomer begins. */

import { assertEquals } from "@std/assert";
import { ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import {
  BEHIND_MS_MAX,
  NEARING_MS_MAX,
  WAITING_MS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, GENESIS_TIME, headOf, idOf, Member, types } from "../order_members.ts";
import { gap, says } from "./order_cases.ts";

Deno.test("Order skips a gap only when every neighbour says that it can't fill it, and tells how many", () => {
  const { bob, carl, dora, all, stream, entry } = gap();

  carl.receive(bob, all[4]!, 0, "range");
  const one = says(carl, bob, [entry], 1);
  const both = says(carl, dora, [entry], 2);

  assertEquals(types(one), ["stuck"]);
  assertEquals(types(both), ["persist", "skipped", "delivered"]);
  assertEquals(both[1], { type: "skipped", stream, messages: 2 });
  assertEquals(carl.frontierOf(new Member("ann")), 5);
});

Deno.test("Order says of no author who may have been forgotten that something was missed", () => {
  const { ann, bob, dora, all, entry } = gap();
  const evicted: MeshRecord = {
    kind: "floor",
    time: GENESIS_TIME,
    id: ID_UNKNOWN,
    authorsTime: GENESIS_TIME + 1,
    heads: [],
  };
  // Something is known of the other one: none of its streams was forgotten.
  const emil = forged(fakeSigner("emil"), "1");
  const records: MeshRecord[] = [evicted, { kind: "bundle", bundle: emil }];
  const carl = new Member("carl", { records });
  const third = forged(fakeSigner("emil"), "3", { counter: 3, previous: idOf(emil) });
  const entryOfEmil = { ...headOf(third), low: 3, unkept: 0, closed: false };
  carl.step({ type: "neighbours", peers: [bob.key, dora.key] });
  for (const bundle of [all[4]!, third]) carl.receive(bob, bundle, 0, "range");
  for (const neighbour of [bob, dora]) says(carl, neighbour, [entry, entryOfEmil], 1);

  const missed = carl.effects.flatMap((effect) =>
    effect.type === "skipped" ? [[effect.stream.author, effect.messages]] : []
  );
  assertEquals(carl.shown, ["3", "5"]);
  assertEquals(carl.frontierOf(ann), 5);
  assertEquals(missed, [[emil.header.value.author, 1]]);
});

Deno.test("Order hears again who is behind before it believes that a gap can't be filled", () => {
  const { bob, carl, dora, all, entry } = gap();
  const behind = { ...entry, low: 1, counter: 2 };

  carl.receive(bob, all[4]!, 0, "range");
  says(carl, bob, [entry], 1);
  says(carl, dora, [behind], BEHIND_MS_MAX - 1);
  const shown = [...carl.shown];
  says(carl, dora, [behind], BEHIND_MS_MAX);

  assertEquals(shown, []);
  assertEquals(carl.shown, ["5"]);
});

Deno.test("Order fills a gap from who was behind and has caught up, whatever another no longer keeps", () => {
  const { bob, carl, dora, all, entry } = gap();

  carl.receive(bob, all[4]!, 0, "range");
  says(carl, bob, [entry], 1);
  says(carl, dora, [{ ...entry, low: 1, counter: 2 }], 1_000);
  says(carl, dora, [{ ...entry, low: 1 }], 2_000);
  says(carl, bob, [entry], BEHIND_MS_MAX);
  for (const bundle of all.slice(2)) carl.receive(dora, bundle, BEHIND_MS_MAX, "range");

  assertEquals(carl.shown, ["3", "4", "5"]);
});

Deno.test("Order waits while one neighbour comes nearer to a gap, for 10 s, and no longer once it stands still", () => {
  for (const standsStill of [true, false]) {
    const { bob, carl, dora, all, entry } = gap();
    carl.receive(bob, all[4]!, 0, "range");
    says(carl, bob, [entry], 1);
    const movedMs = BEHIND_MS_MAX + 500;
    for (let counter = 0; counter <= 2; counter++) {
      says(carl, dora, [{ ...entry, low: 1, counter }], movedMs - (2 - counter) * 2_000);
    }
    assertEquals(carl.shown, []);

    const still = { ...entry, low: 1, counter: 2 };
    let overMs = movedMs + NEARING_MS_MAX + 1;
    if (!standsStill) {
      overMs = WAITING_MS_MAX;
      for (let atMs = movedMs + 500; atMs < overMs; atMs += 500) {
        says(carl, dora, [{ ...still, counter: 1 }], atMs - 1);
        says(carl, dora, [still], atMs);
      }
    }
    says(carl, dora, [still], overMs - 1);
    assertEquals(carl.shown, []);
    says(carl, dora, [still], overMs);
    assertEquals(carl.shown, ["5"]);
  }
});

/** The first tick of `member` after `fromMs`, every 50 ms until `untilMs`, that has such an effect. */
function firstTickWith(
  member: Member,
  type: string,
  fromMs: number,
  untilMs: number,
): number | null {
  for (let nowMs = fromMs + 50; nowMs <= untilMs; nowMs += 50) {
    if (types(member.step({ type: "tick" }, nowMs)).includes(type)) return nowMs;
  }
  return null;
}

Deno.test("Order gives what was pushed a second to be overtaken before it skips what is before it", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 100);
  says(carl, bob, [entry], 150);
  says(carl, dora, [entry], 150);

  assertEquals(carl.shown, []);
  assertEquals(firstTickWith(carl, "skipped", 150, 5_000), 1_200);
});

Deno.test("Order doesn't take for an answer what a neighbour said before the bundle came", () => {
  const { bob, carl, dora, all, entry } = gap();
  const nothing = [{ ...entry, low: 1, counter: 2 }];
  says(carl, dora, nothing, 0);
  carl.receive(bob, all[4]!, 100);
  says(carl, bob, [entry], 150);

  assertEquals(firstTickWith(carl, "skipped", 150, 3_000), null);
  says(carl, dora, nothing, 100 + BEHIND_MS_MAX);
  assertEquals(carl.shown, ["5"]);
});

Deno.test("Order skips nothing because others have nothing yet, when who sent what waits has died", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 0);
  carl.step({ type: "neighbours", peers: [dora.key] }, 10); // bob's link isn't known to be dead
  says(carl, dora, [{ ...entry, low: 1, counter: 2 }], 2_000);

  assertEquals(firstTickWith(carl, "skipped", 2_000, 5_000), null);
  assertEquals(carl.shown, []);
});

Deno.test("Order skips nothing on the word of another start of who sent what waits", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 0);
  const nothing = [{ ...entry, low: 1, counter: 2 }];
  says(carl, bob, nothing, 2_000); // it would have "5" if it were the same process
  says(carl, dora, nothing, 2_000);

  assertEquals(firstTickWith(carl, "skipped", 2_000, 5_000), null);
  assertEquals(carl.shown, []);
});

Deno.test("Order doesn't take for nothing what a newcomer wasn't told of before the bundle came", () => {
  const [ann, bob, network] = [new Member("ann"), new Member("bob"), new Member("network")];
  const question = ann.sayOne("question");
  bob.receive(ann, question);
  const answer = bob.sayOne("answer");
  const told = { low: 1, counter: 1, id: idOf(answer), unkept: 0, closed: false };
  const newcomer = new Member("newcomer");
  newcomer.step({ type: "neighbours", peers: [network.key] });

  // The network had both by the time it spoke of bob, and had neither when ann's bucket was equal.
  says(newcomer, network, [{ author: bob.key, incarnation: 1, ...told }], 0);
  newcomer.receive(network, answer, 10, "range");
  const before = [...newcomer.shown];
  const silent = { author: ann.key, incarnation: 1, ...told, counter: 0 };
  newcomer.step(
    { type: "not-kept", from: network.key, entries: [silent], askedMs: 9, floor: 0 },
    20,
  );
  const asked = [...newcomer.shown];
  says(newcomer, network, [silent], 30);

  assertEquals([before, asked], [[], []]);
  assertEquals(newcomer.shown, ["answer"]);
});

Deno.test("Order lets all be asked again when who can fill the gap doesn't", () => {
  const { bob, carl, dora, all, entry } = gap();
  says(carl, dora, [{ ...entry, low: 1 }], 0);
  carl.receive(bob, all[4]!, 0);

  assertEquals(firstTickWith(carl, "stuck", 0, 5_000), 1_050);
});

Deno.test("Order waits while one neighbour can still fill the gap", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 0, "range");
  says(carl, bob, [entry], 1);

  const can = says(carl, dora, [{ ...entry, low: 2 }], 2);
  carl.receive(dora, all[2]!, 3);
  carl.receive(dora, all[3]!, 4);

  assertEquals(types(can), []);
  assertEquals(carl.shown, ["3", "4", "5"]);
});

Deno.test("Order blames nobody for what it said that it has no more, while another says that it has it", () => {
  const { ann, bob, carl, dora, all, stream, entry } = gap();
  const head = { ...stream, counter: 900, time: 5_000, id: ID_UNKNOWN };
  carl.receive(bob, forged(ann.signer, "answer", { incarnation: 2, heads: [head] }), 0);
  carl.receive(bob, all[4]!, 0);
  const answered = { ...entry, incarnation: 2, low: 1, counter: 1 };
  says(carl, bob, [{ ...entry, low: 6 }, answered], 1);
  says(carl, dora, [{ ...entry, low: 1, counter: 1_000 }], 1);

  const effects: string[] = [];
  for (let nowMs = 50; nowMs <= 10_100; nowMs += 50) {
    effects.push(...types(carl.step({ type: "tick" }, nowMs)));
  }

  assertEquals(effects.filter((type) => type === "dropped").length, 2);
  assertEquals(effects.includes("penalise"), false);
});

Deno.test("Order blames nobody for an answer to what it gave up itself", () => {
  const { bob, carl, dora, stream, entry } = gap();
  const eve = new Member("eve");
  const head = { ...stream, counter: 900, time: 5_000, id: ID_UNKNOWN };
  const lie = forged(dora.signer, "lie", { heads: [head] });
  const named = headOf(lie);
  const answer = forged(eve.signer, "answer", { heads: [named], time: named.time + 1 });
  const delivered = [lie, answer].map((bundle) => {
    const { author } = bundle.header.value;
    return { ...entry, author, low: 1, counter: 1, id: idOf(bundle) };
  });
  carl.receive(bob, lie, 0, "range");
  carl.receive(bob, answer, 250, "range");
  says(carl, bob, [{ ...entry, low: 1, counter: 2 }, ...delivered], 251);
  says(carl, dora, [{ ...entry, low: 1, counter: 1_000 }], 251);

  const effects: string[] = [];
  for (let nowMs = 300; nowMs <= 11_500; nowMs += 50) {
    effects.push(...types(carl.step({ type: "tick" }, nowMs)));
  }

  assertEquals(effects.filter((type) => type === "dropped").length, 2);
  assertEquals(effects.includes("penalise"), false);
});

Deno.test("Order asks at once for all that a bundle names and nobody has, and goes on when all have said so", () => {
  const { bob, carl, dora, entry } = gap();
  const heads = [5, 6, 7].map((incarnation) => ({
    author: entry.author,
    incarnation,
    counter: 1,
    time: 5_000,
    id: ID_UNKNOWN,
  }));
  const lie = forged(dora.signer, "lie", { heads });
  const told = { ...entry, author: dora.key, low: 1, counter: 1, id: idOf(lie) };
  carl.receive(dora, lie, 0, "range");
  const asked = carl.order.gaps();
  says(carl, bob, [...asked, told], 1);
  says(carl, dora, [...asked, told], 1);

  assertEquals(asked.map(({ incarnation }) => incarnation), [5, 6, 7]);
  assertEquals(carl.shown, ["lie"]);
});

Deno.test("Order begins at the first bundle that its contact keeps when it is new in the room", () => {
  const { ann, bob, all, stream, entry } = gap();
  const newcomer = new Member("newcomer");
  newcomer.step({ type: "neighbours", peers: [bob.key, ann.key] });

  says(newcomer, bob, [entry], 0);
  const early = newcomer.receive(bob, all[4]!, 1, "range");
  const effects = says(newcomer, ann, [], 2);

  assertEquals(types(early), ["stuck"]);
  assertEquals(types(effects), ["persist", "delivered"]);
  assertEquals(newcomer.order.frontier(stream).counter, 5);
  assertEquals(types(newcomer.receive(bob, all[1]!)), ["duplicate"]);
});

Deno.test("Order: a newcomer skips nothing that any neighbour can supply", () => {
  const { ann, bob, all, entry } = gap();
  const newcomer = new Member("newcomer");
  newcomer.step({ type: "neighbours", peers: [bob.key, ann.key] });
  says(newcomer, bob, [entry], 0);
  says(newcomer, ann, [{ ...entry, low: 1 }], 0);

  newcomer.receive(bob, all[4]!, 1, "range");
  for (const bundle of all.slice(0, 4)) newcomer.receive(ann, bundle, 2, "range");

  assertEquals(newcomer.shown, ["1", "2", "3", "4", "5"]);
});

Deno.test("Order: a newcomer waits for what its contact took in after it said how far it is", () => {
  const [ann, bob, newcomer] = ["ann", "bob", "newcomer"].map((name) => new Member(name));
  const [first, since] = [ann!.sayOne("1"), bob!.sayOne("said since")];
  ann!.receive(bob!, since);
  const answer = ann!.sayOne("answer");
  const entry = {
    author: ann!.key,
    incarnation: 1,
    low: 1,
    counter: 1,
    id: idOf(first),
    unkept: 0,
    closed: false,
  };
  newcomer!.step({ type: "neighbours", peers: [bob!.key] });
  says(newcomer!, bob!, [entry], 0);

  for (const bundle of [first, answer]) newcomer!.receive(bob!, bundle, 0, "range");
  const before = [...newcomer!.shown];
  newcomer!.receive(bob!, since, 20, "graft");

  assertEquals(before, ["1"]);
  assertEquals(newcomer!.shown, ["1", "said since", "answer"]);
});
