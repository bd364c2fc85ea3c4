// What a member's records say of what it lost.

import { assertEquals } from "@std/assert";
import type { Hash } from "../../../lib/base/ids.ts";
import { HistoryEnd } from "../../../lib/protocols/group/history.ts";
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

Deno.test("The group's record twice says that what was held is lost, where there was any", () => {
  assertEquals(isLost(FOUND, FOUND), false); // around a compaction
  assertEquals(isLost(FOUND, FOUND, PROMISED), false);
  assertEquals(isLost(FOUND, PROMISED, LEVELLED), false);
  assertEquals(isLost(FOUND, PROMISED, LEVELLED, FOUND), true);
  assertEquals(isLost(FOUND, PROMISED, LEVELLED, { kind: "recovered" }), true);
});
