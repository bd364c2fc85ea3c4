// What a member's records say of what it lost.

import { assertEquals } from "@std/assert";
import type { Hash } from "../../../lib/base/ids.ts";
import { HistoryEnd, signBatch } from "../../../lib/protocols/group/history.ts";
import { INCARNATION_BYTES } from "../../../lib/protocols/group/limits.ts";
import { restoreMember } from "../../../lib/protocols/group/member_log.ts";
import type { MemberRecord } from "../../../lib/protocols/group/records.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";

const GROUP = "6".repeat(64) as Hash;
const FOUND: MemberRecord = {
  kind: "group",
  group: GROUP,
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
function said(count: number, process = 1): readonly MemberRecord[] {
  const signer = fakeSigner("ann");
  const name = "ann";
  const incarnation = new Uint8Array(INCARNATION_BYTES).fill(process);
  const rest = { kind: "texts", group: GROUP, author: signer.key, name, incarnation } as const;
  return Array.from({ length: count }, (_, after): MemberRecord => {
    const batch = { ...rest, counter: after + 1, sentAt: 0, texts: [`${process}`], edits: [] };
    return { kind: "held", after, batch: signBatch(signer, batch) };
  });
}

/** What is held, by process, where the log has nothing. */
function held(...records: readonly MemberRecord[]): string {
  const history = new HistoryEnd(fakeCrypto, GROUP);
  const restored = restoreMember(records, history, fakeSigner("ann").key, fakeCrypto);
  return Array.from(restored.held!.batches, ({ signed }) => signed.batch.value.texts[0]).join("");
}

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
  assertEquals(isLost(FOUND, PROMISED, LEVELLED, { kind: "recovered" }), true);
});
