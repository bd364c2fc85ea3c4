// What a member's records say of what it lost.

import { assertEquals } from "@std/assert";
import {
  NO_BALLOT,
  recordedView,
  type SignedEpoch,
  signEpoch,
} from "../../../../lib/protocols/group/schema/epoch.ts";
import {
  HistoryEnd,
  type HistoryPoint,
  signBatch,
  type SignedBatch,
} from "../../../../lib/protocols/group/schema/history.ts";
import { INCARNATION_BYTES } from "../../../../lib/protocols/group/schema/limits.ts";
import { restoreMember } from "../../../../lib/protocols/group/log/member_log.ts";
import type { MemberRecord } from "../../../../lib/protocols/group/schema/records.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { groupIdOf } from "../../../../lib/protocols/group/schema/founding.ts";
import { foundedBy } from "../founded.ts";

const FOUNDING = foundedBy(fakeSigner("coordinator").key);
const GROUP = groupIdOf(fakeCrypto, FOUNDING);
const FOUND: MemberRecord = {
  kind: "group",
  group: GROUP,
  founding: FOUNDING,
  coordinator: fakeSigner("coordinator").key,
};
const PROMISED: MemberRecord = {
  kind: "promised",
  ballot: { number: 1, round: 0 },
  isLeaving: false,
};
const LEVELLED: MemberRecord = { kind: "levelled", ballot: { number: 1, round: 0 } };

function isLost(...records: readonly MemberRecord[]): boolean {
  const history = new HistoryEnd(fakeCrypto, GROUP);
  return restoreMember(records, history, fakeSigner("ann").key, fakeCrypto).standing.isLost;
}

/** Ann's texts, from the first one on. */
function texts(count: number, process = 1): readonly SignedBatch[] {
  const signer = fakeSigner("ann");
  const name = "ann";
  const incarnation = new Uint8Array(INCARNATION_BYTES).fill(process);
  const rest = {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    group: GROUP,
    author: signer.key,
    name,
    incarnation,
  } as const;
  return Array.from({ length: count }, (_, after) => {
    const batch = { ...rest, counter: after + 1, sentAt: 0, texts: [`${process}`], edits: [] };
    return {
      ...signBatch(signer, batch),
      view: after === 0 ? recordedView(begunBy(process)) : null,
    };
  });
}

/** The same, in order. */
function said(count: number, process = 1): readonly MemberRecord[] {
  return texts(count, process).map((batch, after): MemberRecord => ({
    kind: "held",
    after,
    batch,
  }));
}

const EMPTY = new HistoryEnd(fakeCrypto, GROUP).point;

/** Ann is alone in the first epoch of one of her processes, or in a later one that begins elsewhere. */
function begunBy(process: number, start: HistoryPoint = EMPTY): SignedEpoch {
  return signEpoch(fakeSigner("coordinator"), {
    group: GROUP,
    view: 1,
    ballot: { number: 1, round: 0 },
    members: [{
      key: fakeSigner("ann").key,
      name: "ann",
      incarnation: new Uint8Array(INCARNATION_BYTES).fill(process),
      host: "10.0.0.1",
      port: 9_000,
    }],
    start,
  });
}

const BEGUN: MemberRecord = { kind: "begun", signed: begunBy(1) };

/** What is held, by process, where the log has nothing. */
function held(...records: readonly MemberRecord[]): string {
  const history = new HistoryEnd(fakeCrypto, GROUP);
  const restored = restoreMember(records, history, fakeSigner("ann").key, fakeCrypto);
  return Array.from(restored.held!.batches, ({ signed }) => signed.batch.value.texts[0]).join("");
}

/** What is to be said again, where the log has so much of what Ann says, and the records say this after `begun`. */
function saidAgain(logged: number, ...records: readonly MemberRecord[]): string {
  const history = new HistoryEnd(fakeCrypto, GROUP);
  const all = texts(4);
  for (const batch of all.slice(0, logged)) history.append(batch);
  const begun = all.map((batch): MemberRecord => ({ kind: "said", batch }));
  const whole = [FOUND, ...begun, BEGUN, ...records];
  const { said } = restoreMember(whole, history, fakeSigner("ann").key, fakeCrypto);
  return said.map(({ batch: { value: { counter } } }) => counter).join("");
}

Deno.test("What the log has is said, and what is only held beyond it isn't known to be", () => {
  const [, , third] = texts(4);
  const held: MemberRecord = { kind: "held", after: 2, batch: third! };

  assertEquals(saidAgain(0), "1234");
  assertEquals(saidAgain(2), "34");
  assertEquals(saidAgain(2, held), "34");
  assertEquals(saidAgain(4), "");
});

Deno.test("What an epoch began with is said, even where the log has lost its end since", () => {
  const history = new HistoryEnd(fakeCrypto, GROUP);
  for (const batch of texts(2)) history.append(batch);
  const begun: MemberRecord = { kind: "begun", signed: begunBy(1, history.point) };
  const [first, second, third] = said(3);

  assertEquals(saidAgain(0, first!, second!, begun, third!), "34");
  assertEquals(saidAgain(1, second!, begun, third!), "34");
  assertEquals(saidAgain(1, first!, begun, third!), "1234"); // what it held is lost, too
});

Deno.test("What a log has that lost something may be said again, and what was never sent is", () => {
  const draft = texts(1, 0).map((batch): MemberRecord => ({ kind: "said", batch }));

  assertEquals(saidAgain(2, FOUND), "1234");
  assertEquals(saidAgain(2, ...draft), "341");
});

Deno.test("What was in a log that is given up isn't said again, what wasn't is, and what comes later", () => {
  const [draft] = texts(1, 0).map((batch): MemberRecord => ({ kind: "said", batch }));
  const later = texts(2, 2).map((batch): MemberRecord => ({ kind: "said", batch }));
  const givenUp: MemberRecord = { kind: "dropped", position: 3, givenUp: 2 };
  const begun: MemberRecord = { kind: "begun", signed: begunBy(2) };

  assertEquals(saidAgain(0, givenUp, FOUND), "34");
  assertEquals(saidAgain(0, draft!, givenUp, FOUND), "341");
  assertEquals(saidAgain(0, givenUp, FOUND, givenUp, FOUND), "34");
  assertEquals(saidAgain(0, givenUp, FOUND, ...later, begun), "12");
});

Deno.test("What was held gives its place to what follows once all of that is there", () => {
  const from = (position: number): MemberRecord => ({ kind: "levelling", position });
  const [old, fresh] = [said(3), said(2, 2)];

  assertEquals(held(FOUND, ...old, from(0), ...fresh, LEVELLED), "22");
  assertEquals(held(FOUND, ...old, from(1), LEVELLED), "1");
  assertEquals(held(FOUND, ...old, from(1), LEVELLED, ...old.slice(1, 2)), "11");
});

Deno.test("What was held stays where what was to take its place isn't all there", () => {
  const from: MemberRecord = { kind: "levelling", position: 0 };
  const [old, fresh] = [said(3), said(2, 2)];

  assertEquals(held(FOUND, ...old, from), "111");
  assertEquals(held(FOUND, ...old, from, ...fresh), "111");
  assertEquals(held(FOUND, ...old, from, ...fresh, PROMISED), "111");
  assertEquals(held(FOUND, ...old, from, ...fresh, from, ...fresh, LEVELLED), "22");
  assertEquals(held(FOUND, ...old, { kind: "dropped", position: 2 }), "11");
});

Deno.test("The group's record twice says that what was held is lost, where there was any", () => {
  assertEquals(isLost(FOUND, FOUND), false); // around a compaction
  assertEquals(isLost(FOUND, FOUND, PROMISED), false);
  assertEquals(isLost(FOUND, PROMISED, LEVELLED), false);
  assertEquals(isLost(FOUND, PROMISED, LEVELLED, FOUND), true);
  assertEquals(isLost(FOUND, PROMISED, FOUND), true); // the store has dropped what was held
  const nothing: MemberRecord = { kind: "levelled", ballot: NO_BALLOT };
  assertEquals(isLost(FOUND, PROMISED, FOUND, nothing), true); // and the file was compacted since
  assertEquals(isLost(FOUND, PROMISED, LEVELLED, { kind: "recovered" }), true);
});
