/** Who may come into a private room, and whose link stays there. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { Access } from "../../../lib/protocols/mesh/access.ts";
import { channelSecret } from "../../../lib/protocols/mesh/schema/rotations.ts";
import {
  ANN,
  BOB,
  CEM,
  DAN,
  FIRST,
  FOUNDED,
  keptWith,
  removalOf,
  rotation,
  without,
} from "./authority/secrets_cases.ts";

const EVE = "e".repeat(64) as PeerKey;
const ELSEWHERE = channelSecret(FOUNDED.room, { epoch: 1, secret: new Uint8Array(32) });

/** Ann has removed Dan and named Ann and Bob as those who stay; Bob and Cem were members before. */
function accessOf() {
  const rulings = without(DAN);
  const removal = removalOf("Ann", 2, [ANN, BOB], rulings.removedId);
  const secrets = keptWith(rulings, FIRST, removal);
  const access = new Access((peer) => [BOB, CEM, DAN].includes(peer));
  access.secrets = secrets;
  access.rulings = rulings;
  const [current, earlier] = [removal, FIRST].map((one) => secrets.known(one).opens);
  return { access, current: current!, earlier: earlier! };
}

const link = (peer: PeerKey, secret: typeof ELSEWHERE | null, more = {}) => ({
  link: 1 as never,
  peer,
  dialled: false,
  remote: { host: "10.0.0.1", port: 1 },
  secret,
  state: "member" as const,
  ...more,
});

Deno.test("Access: anybody comes in by the current secret, by an earlier one only who has stayed, or is to be told", () => {
  const { access, current, earlier } = accessOf();
  assertEquals(access.admit(EVE, current), null);
  const by = (secret: typeof earlier) =>
    [BOB, CEM, EVE, DAN].map((peer) => access.admit(peer, secret) === null);
  assertEquals(by(earlier), [true, false, false, true]);
  // A secret that nobody made here is from before the removal, too.
  assertEquals(by(ELSEWHERE), [true, false, false, true]);
  assertEquals([access.isRemoved(DAN), access.isRemoved(CEM)], [true, false]);
});

Deno.test("Access: who came in without a secret, or by one that isn't good for it, is uninvited once one is needed", () => {
  const { access, current, earlier } = accessOf();
  assertEquals([access.isUninvited(BOB, null), access.isUninvited(EVE, current)], [true, false]);
  assertEquals([BOB, CEM, EVE].map((peer) => access.isUninvited(peer, earlier)), [
    false,
    true,
    true,
  ]);
});

Deno.test("Access: in an open room, or before its secrets are known, everybody may come in and stay", () => {
  const access = new Access(() => false);
  assertEquals([access.admit(EVE, ELSEWHERE), access.isUninvited(EVE, null)], [null, false]);
  assertEquals([access.isRemoved(EVE), access.leftOutBy(link(EVE, ELSEWHERE))], [false, null]);
});

Deno.test("Access: a removal's list ends the links of those whom it doesn't name, but for those who are just let in", () => {
  const { access, current, earlier } = accessOf();
  const by = (peer: PeerKey, secret: typeof earlier | null, more = {}) =>
    access.leftOutBy(link(peer, secret, more));
  assertEquals([by(CEM, earlier), by(BOB, earlier), by(CEM, current)], [ANN, null, null]);
  assertEquals([by(CEM, null), by(CEM, earlier, { state: "admitting" })], [null, null]);
});

Deno.test("Access: whom a secret let in that isn't current any more is too late, unless it has stayed", () => {
  const { access, current, earlier } = accessOf();
  const isLate = (peer: PeerKey, secret: typeof earlier | null, more = {}) =>
    access.isTooLate(link(peer, secret, { state: "admitting", ...more }));
  assertEquals([isLate(CEM, earlier), isLate(BOB, earlier)], [true, false]);
  assertEquals([isLate(EVE, current), isLate(EVE, current, { dialled: true })], [true, false]);
  assertEquals(isLate(CEM, earlier, { state: "member" }), false);
  assertEquals([isLate(BOB, null), isLate(EVE, null)], [false, true]);
});

Deno.test("Access: a secret whose author knew of other removals lets in only who was a member before", () => {
  const rulings = without(DAN);
  const access = new Access((peer) => peer === BOB);
  access.rulings = rulings;
  access.secrets = keptWith(rulings, FIRST, rotation("Bob", 2));
  const current = access.secrets.currentOpens()!;
  assertEquals([EVE, BOB].map((peer) => access.admit(peer, current)), ["bad-credentials", null]);
});
