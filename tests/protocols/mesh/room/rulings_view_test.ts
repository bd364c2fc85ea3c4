/** What the user is told of who may be here, and of who decides it. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import {
  KeptRulings,
  type RulingKind,
  signRuling,
} from "../../../../lib/protocols/mesh/authority/kept_rulings.ts";
import { RulingsView } from "../../../../lib/protocols/mesh/room/rulings_view.ts";
import type { MeshEvent } from "../../../../lib/protocols/mesh/schema/events.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import type { SignedRuling } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { keptOf } from "../authority/secrets_cases.ts";
import { beaconOf, keyOf, ROOM } from "../membership_fixtures.ts";

const NAMES = new Map(["Ann", "Ben", "Cy", "Fay", "Tim"].map((name) => [keyOf(name), name]));
const WAS_HERE: readonly MeshRecord[] = [
  { kind: "member", beacon: beaconOf("Ann", 1), heardWallMs: 0 },
];

interface Setup {
  readonly isPrivate?: boolean;
  /** Whether the user hasn't been told who decides here. */
  readonly isNew?: boolean;
  readonly away?: readonly string[];
}

/** `self` in Ann's room; what is told of these rulings, without keys, and the events. */
function viewOf(self: string, { isPrivate = false, isNew = false, away = [] }: Setup = {}) {
  const rulings = new KeptRulings({ id: ROOM.room, genesis: ROOM.genesis }, fakeCrypto, []);
  const events: MeshEvent[] = [];
  const unknown = new Set<PeerKey>();
  const nameOf = (key: PeerKey) => unknown.has(key) ? null : NAMES.get(key) ?? null;
  const view = new RulingsView(
    keyOf(self),
    {
      rulings,
      secrets: isPrivate ? keptOf() : null,
      founded: self === "Ann",
      records: isNew ? [] : WAS_HERE,
    },
    {
      shownName: nameOf,
      authorName: (_, claimed) => claimed,
      nameClaimedBy: nameOf,
      nameOnceClaimedBy: () => null,
      isListed: (key) => !away.some((name) => keyOf(name) === key),
    },
    (event) => void events.push(event),
  );
  let counter = 0;
  const sign = (by: string, kind: RulingKind, subject: string): SignedRuling =>
    signRuling(fakeCrypto, fakeSigner(by), {
      room: ROOM.room,
      kind,
      subject: keyOf(subject),
      counter: ++counter,
    });
  const learns = (...signed: readonly SignedRuling[]) => {
    for (const one of signed) rulings.add(rulings.known(one));
  };
  const decides = (by: string, kind: RulingKind, subject: string) => {
    const signed = sign(by, kind, subject);
    learns(signed);
    view.ruled([signed], true, undefined);
    return told();
  };
  const told = () =>
    events.splice(0).flatMap((event) =>
      event.event === "notice" ? [event.text.replace(/ \(\w+'s key: [^)]*\)/g, "")] : []
    );
  return { view, rulings, events, unknown, sign, learns, decides, told };
}

const OPEN = "; this room is open, so the same person can come back under a new key";

Deno.test("RulingsView: who has removed whom, who was away or not, and who has allowed that one to come back", () => {
  const told = (self: string, setup: Setup = {}) => {
    const { decides } = viewOf(self, setup);
    decides("Ann", "deputy", "Ben");
    return [...decides("Ben", "remove", "Tim"), ...decides("Ben", "allow", "Tim")];
  };
  assertEquals(told("Cy"), [
    `Ben has removed Tim for good${OPEN}`,
    "Ben has allowed Tim to come back",
  ]);
  assertEquals(
    told("Ben", { away: ["Tim"] })[0],
    `You have removed Tim, who was away, for good${OPEN}`,
  );
  assertEquals(told("Cy", { isPrivate: true }), [
    "Ben has removed Tim for good; earlier invites admit nobody any more",
    "Ben has allowed Tim to come back, with a new invite",
  ]);
});

Deno.test("RulingsView: programs are told by keys, and that somebody was away", () => {
  const { decides, events, view, learns, sign } = viewOf("Cy", { away: ["Tim"] });
  learns(sign("Ann", "deputy", "Ben"));
  const signed = sign("Ben", "remove", "Tim");
  learns(signed);
  view.ruled([signed], true, undefined);
  const by = { by: "Ben", byKey: fingerprintOf(keyOf("Ben")) };
  const ruled = { name: "Tim", key: fingerprintOf(keyOf("Tim")), ...by };
  const only = (name: string) => events.filter(({ event }) => event === name);
  assertEquals(only("removed"), [{ event: "removed", ...ruled, away: true }]);
  assertEquals([view.removed(), view.roleOf(keyOf("Ben"))], [[ruled], { role: "deputy" }]);
  assertEquals([view.roleOf(keyOf("Ann")), view.roleOf(keyOf("Cy"))], [{ role: "founder" }, {}]);
  events.splice(0);
  decides("Ben", "allow", "Tim");
  assertEquals(view.removed(), []);
});

Deno.test("RulingsView: whom the founder overrules, and who alone decides from then on", () => {
  const told = (self: string) => {
    const { decides } = viewOf(self);
    decides("Ann", "deputy", "Ben");
    decides("Ben", "remove", "Tim");
    return decides("Ann", "allow", "Tim");
  };
  assertEquals(["Ann", "Ben", "Cy", "Tim"].flatMap(told), [
    "You have allowed Tim to come back, overruling Ben: only you can decide on Tim from now on",
    "Ann has allowed Tim to come back, overruling you: only Ann can decide on Tim from now on",
    "Ann has allowed Tim to come back, overruling Ben: only Ann can decide on Tim from now on",
    "Ann has allowed you back, overruling Ben: only Ann can decide on you from now on",
  ]);
});

Deno.test("RulingsView: a deputy's time, and what stays of it once it ends", () => {
  const told = (self: string, ...removed: readonly string[]) => {
    const { decides, learns, sign, view, told } = viewOf(self);
    const named = decides("Ann", "deputy", "Ben");
    for (const name of removed) decides("Ben", "remove", name);
    // The founder's program signs them anew, with the end.
    const end = [
      ...removed.map((name) => sign("Ann", "remove", name)),
      sign("Ann", "no-deputy", "Ben"),
    ];
    learns(...end);
    view.ruled(end, true, undefined);
    return [...named, ...told()];
  };
  const can = "can /remove and /allow members";
  assertEquals(told("Ann", "Cy", "Fay"), [
    `You have made Ben a deputy, who ${can}`,
    "You have dismissed Ben as a deputy",
    "Ben's removals of Cy and Fay stay in force, now as yours; /allow NAME takes one back",
  ]);
  assertEquals(told("Ben", "Cy", "Fay"), [
    `Ann has made you a deputy: you ${can}`,
    "Ann has dismissed you as a deputy: you can no longer /remove or /allow members",
    "Your removals of Cy and Fay stay in force, now as Ann's",
  ]);
  assertEquals(
    told("Ann", "Cy").at(-1),
    "Ben's removal of Cy stays in force, now as yours; /allow Cy takes it back",
  );
  assertEquals(told("Fay"), [
    `Ann has made Ben a deputy, who ${can}`,
    "Ann has dismissed Ben as a deputy",
  ]);
});

Deno.test("RulingsView: a newcomer is told once who decides here, and nothing of what was decided before", () => {
  const { view, learns, sign, told } = viewOf("Fay", { isNew: true });
  const before = [sign("Ann", "deputy", "Ben"), sign("Ben", "remove", "Tim")];
  learns(...before);
  view.ruled(before, false, undefined);
  view.stepEnds(0, false);
  assertEquals(told(), []);
  view.stepEnds(0, true);
  assertEquals(told(), [
    "Ann is the founder of this room, Ben is a deputy: they can remove members",
  ]);
  view.stepEnds(0, true);
  assertEquals([told(), viewOf("Ann", { isNew: true }).view.nextMs()], [[], null]);

  const alone = viewOf("Fay", { isNew: true });
  alone.view.stepEnds(0, true);
  assertEquals(alone.told(), ["Ann is the founder of this room, and can remove members"]);
});

Deno.test("RulingsView: who comes back is told what was decided meanwhile, once it is known who they are, or 3 s later", () => {
  const { view, learns, sign, told, unknown } = viewOf("Fay", { away: ["Tim"] });
  unknown.add(keyOf("Ben"));
  const all = [sign("Ann", "deputy", "Ben"), sign("Ben", "remove", "Tim")];
  learns(...all);
  view.ruled(all, false, undefined);
  view.stepEnds(1_000, true);
  assertEquals([told(), view.nextMs()], [[], 4_000]);
  view.stepEnds(3_999, true);
  assertEquals(told(), []);
  view.stepEnds(4_000, true);
  const key = fingerprintOf(keyOf("Ben"));
  assertEquals(told(), [
    `Ann has made ${key} a deputy, who can /remove and /allow members`,
    `${key} has removed Tim for good${OPEN}`,
  ]);
  assertEquals([view.nextMs(), view.stepEnds(9_000, true), told()], [null, undefined, []]);

  const known = viewOf("Fay");
  known.learns(...all);
  known.view.ruled(all, false, undefined);
  known.view.stepEnds(1_000, true);
  assertEquals(known.told().length, 2);
});

Deno.test("RulingsView: who leaves is told at once what it hasn't been told yet", () => {
  const { view, learns, sign, told } = viewOf("Fay");
  const removal = sign("Ann", "remove", "Tim");
  learns(removal);
  view.ruled([removal], false, undefined);
  view.quit();
  view.quit();
  assertEquals(told(), [`Ann has removed Tim for good${OPEN}`]);
  const newcomer = viewOf("Fay", { isNew: true });
  newcomer.view.quit();
  assertEquals(newcomer.told(), []);
});

Deno.test("RulingsView: what our own user decides is told at once, by keys where names aren't known", () => {
  const { unknown, decides } = viewOf("Ann");
  unknown.add(keyOf("Tim"));
  const key = fingerprintOf(keyOf("Tim"));
  assertEquals(decides("Ann", "remove", "Tim"), [`You have removed ${key} for good${OPEN}`]);
  const other = viewOf("Fay");
  other.unknown.add(keyOf("Tim"));
  assertEquals(other.decides("Ann", "remove", "Tim"), []);
});

Deno.test("RulingsView: a former deputy's removal of which the founder hears late is told as the founder's, and whose it was", () => {
  const told = (self: string) => {
    const { decides, learns, sign, view, told } = viewOf(self);
    decides("Ann", "deputy", "Ben");
    const late = [
      sign("Ben", "remove", "Cy"),
      sign("Ann", "no-deputy", "Ben"),
      sign("Ann", "remove", "Cy"),
    ];
    learns(...late);
    view.ruled(late, true, undefined);
    return told();
  };
  const as = "for good, as Ben had, who isn't a deputy any more";
  assertEquals(["Ann", "Fay"].map(told), [
    [
      `You have removed Cy ${as}: /allow Cy takes it back${OPEN}`,
      "You have dismissed Ben as a deputy",
    ],
    [`Ann has removed Cy ${as}${OPEN}`, "Ann has dismissed Ben as a deputy"],
  ]);
});

Deno.test("RulingsView: who is removed is told by whom, and whom to ask", () => {
  const ask = (name: string) => `ask ${name} to /allow you back, or found another room with --new`;
  const { view, learns, sign, unknown } = viewOf("Tim");
  learns(sign("Ann", "deputy", "Ben"), sign("Ben", "remove", "Tim"));
  const role = "deputy of the room's founder";
  assertEquals(view.removedText(), `Ben, a ${role}, has removed you for good; ${ask("Ben")}`);
  unknown.add(keyOf("Ben"));
  const ofKey = `A ${role}, with key ${fingerprintOf(keyOf("Ben"))}, has removed you for good`;
  assertEquals(view.removedText(), `${ofKey}; ${ask("whoever has that key")}`);
  learns(sign("Ann", "remove", "Tim"));
  assertEquals(
    view.removedText(),
    `Ann, the founder of the room, has removed you for good; ${ask("Ann")}`,
  );
});

Deno.test("RulingsView: what a refused key's owner still reads, and who can shut it out", () => {
  const told = (self: string, of: string) => {
    const { view, learns, sign } = viewOf(self);
    learns(sign("Ann", "deputy", "Ben"));
    return view.refusedText(keyOf(of));
  };
  const reads = (name: string) => `${name} still reads all that is said to the room`;
  assertEquals(
    told("Ben", "Ann"),
    `${
      reads("Ann")
    }, and is its founder: nobody can /remove Ann; found another room with /join --new`,
  );
  assertEquals(
    told("Ann", "Ben"),
    `${reads("Ben")}, and is a deputy: /deputy Ben --end ends that, /remove Ben shuts that key out`,
  );
  assertEquals(
    told("Cy", "Ben"),
    `${reads("Ben")}, and is a deputy: only the founder can /remove Ben; ask for that`,
  );
  assertEquals(told("Ben", "Cy"), `${reads("Cy")}: /remove Cy shuts that key out`);
  assertEquals(
    told("Fay", "Cy"),
    `${reads("Cy")}: only the founder and deputies can /remove Cy; ask one of them`,
  );
});
