import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { KnownMembers } from "../../../../lib/protocols/mesh/authority/known_members.ts";
import { SEEN_MAX, STAYS_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";

const key = (of: number) => of.toString(16).padStart(64, "0") as PeerKey;
const [ANN, BOB, CEM] = [key(10), key(11), key(12)];
const [MAL, PIP, POP] = [key(13), key(14), key(15)];

/** What Ann, who has founded the room, knows where these claims were checked, as [key, who admitted it]. */
function known(
  claims: readonly (readonly [PeerKey, PeerKey])[],
  { removed = [], records = [] }: {
    readonly removed?: readonly PeerKey[];
    readonly records?: readonly MeshRecord[];
  } = {},
) {
  const all = claims.map(([key, admitter]) => ({ key, admitter }));
  const byAdmitter = Map.groupBy(all, ({ admitter }) => admitter);
  return new KnownMembers(records, [ANN], {
    claimsOf: (key) => all.filter((claim) => claim.key === key),
    admittedBy: (key) => byAdmitter.get(key) ?? [],
    isRemoved: (key) => removed.includes(key),
  });
}

Deno.test("a member is who was seen, or was admitted by a member that isn't removed", () => {
  const claims = [[BOB, ANN], [CEM, BOB], [MAL, ANN], [PIP, MAL], [POP, PIP]] as const;
  const before = known(claims);
  assertEquals([CEM, POP, key(1)].map((one) => before.has(one)), [true, true, false]);

  const after = known(claims, { removed: [MAL] });
  assertEquals(
    [CEM, MAL, PIP, POP].map((one) => after.has(one)),
    [true, true, false, false],
    "the removed one has been there, those that it alone vouches for haven't",
  );
  assertEquals(after.stay(), [ANN, BOB, CEM]);
  after.came(PIP);
  assertEquals([PIP, POP].map((one) => after.has(one)), [true, true]);
  assertEquals(after.stay(), [ANN, BOB, CEM, PIP, POP]);
});

Deno.test("who admit each other, and whom nobody else has admitted, are no members", () => {
  const two = known([[PIP, POP], [POP, PIP], [PIP, PIP]]);
  assertEquals([two.has(PIP), two.has(POP), two.stay()], [false, false, [ANN]]);
});

Deno.test("who was seen is a member after a restart, too, and is written once", () => {
  const one = known([]);
  const records = [BOB, CEM, BOB].map((key) => one.came(key));
  assertEquals(records, [{ kind: "seen", keys: [BOB] }, { kind: "seen", keys: [CEM] }, null]);
  for (const kept of [records.filter((record) => record !== null), one.snapshot()]) {
    const again = known([], { records: kept });
    assertEquals([BOB, CEM, PIP].map((key) => again.has(key)), [true, true, false]);
    assertEquals(again.came(BOB), null);
  }
  assertEquals(known([]).snapshot(), []);
});

Deno.test("however many claims a member makes up, who was seen stays, and no more are named than may be", () => {
  const crowd = Array.from({ length: 2 * STAYS_MAX }, (_, at) => [key(at + 100), MAL] as const);
  const all = known([[BOB, ANN], [CEM, ANN], [MAL, ANN], ...crowd]);
  assertEquals(all.stay().length, STAYS_MAX);
  assertEquals(all.stay().slice(0, 4), [ANN, BOB, CEM, MAL]);
});

Deno.test("members that the removed one has made up, however many are present, don't keep out who was away meanwhile", () => {
  const crowd = Array.from({ length: STAYS_MAX }, (_, at) => key(at + 100));
  const claims = [[BOB, ANN], [CEM, BOB], [MAL, ANN], ...crowd.map((one) => [one, MAL] as const)];
  const all = known(claims as [PeerKey, PeerKey][], { removed: [MAL] });
  for (const one of [BOB, CEM, ...crowd]) all.came(one);
  assertEquals(all.stay().slice(0, 3), [ANN, BOB, CEM]);
  assertEquals([all.stay().length, all.has(CEM)], [STAYS_MAX, true]);
});

/** Claims of as many made-up members as a rotation names: all let in by `MAL`, or each by the one before, or two by two. */
const CROWDS = {
  wide: () => MAL,
  deep: (at: number) => at === 0 ? MAL : key(at + 99),
  both: (at: number) => at === 0 ? MAL : key(Math.trunc((at - 1) / 2) + 100),
};

for (const [form, admitter] of Object.entries(CROWDS)) {
  Deno.test(`members that one has made up who isn't removed keep out nobody else who is away, ${form}`, () => {
    const crowd = Array.from({ length: 2 * STAYS_MAX }, (_, at) => [key(at + 100), admitter(at)]);
    const away = [[BOB, ANN], [CEM, BOB], [PIP, CEM], [POP, MAL]];
    const all = known([[MAL, ANN], ...away, ...crowd] as [PeerKey, PeerKey][]);
    const stay = all.stay();
    assertEquals([BOB, CEM, PIP, POP].map((one) => stay.includes(one)), [true, true, true, true]);
    assertEquals([stay.length, new Set(stay).size], [STAYS_MAX, STAYS_MAX]);
  });
}

Deno.test("made-up members that are present keep nobody else from being remembered as seen", () => {
  for (const admitter of [MAL, (at: number) => key(at + 1_000_000)]) {
    const crowd = Array.from({ length: 3 * STAYS_MAX }, (_, at) => {
      return [key(at + 100), typeof admitter === "string" ? admitter : admitter(at)] as const;
    });
    const claims = [[MAL, ANN], [CEM, ANN], ...crowd] as const;
    const all = known(claims);
    // Nothing is known any more of who let in Bob.
    for (const one of [BOB, CEM, ...crowd.map(([made]) => made)]) all.came(one);
    const again = known(claims, { records: all.snapshot() });
    assertEquals([BOB, CEM].map((one) => again.has(one)), [true, true]);
    assertEquals([BOB, CEM].map((one) => again.stay().includes(one)), [true, true]);
  }
});

Deno.test("of a dialler with claims that lead on and on only so many are followed", () => {
  const chain = Array.from({ length: 300 }, (_, at) => [key(at + 101), key(at + 100)] as const);
  let asked = 0;
  const all = known([[key(100), ANN], ...chain], {});
  const claimsOf = all.port.claimsOf;
  Object.assign(all.port, {
    claimsOf: (one: PeerKey) => {
      asked++;
      return claimsOf(one);
    },
  });
  assertEquals([all.has(key(200)), all.has(key(400))], [true, false]);
  assertEquals(asked < 400, true);
});

Deno.test("of more that were seen than are kept those are dropped of whom least is known, who came last", () => {
  const all = known([[CEM, ANN]]);
  for (let at = 0; at < SEEN_MAX; at++) all.came(key(at + 100));
  all.came(CEM);
  const kept = all.snapshot().flatMap((record) => record.kind === "seen" ? record.keys : []);
  assertEquals(kept, [...Array.from({ length: STAYS_MAX - 1 }, (_, at) => key(at + 100)), CEM]);
});
