import { HERE } from "../../../../lib/base/machine/user_presence.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { MeshStatus } from "../../../../lib/protocols/mesh/schema/events.ts";
import { RoomOutput } from "../../../../lib/protocols/mesh/room/room_output.ts";
import type { LaterEffect, RoomConfig } from "../../../../lib/protocols/mesh/room/room_io.ts";
import type { HistoryEntry } from "../../../../lib/protocols/mesh/log/order_io.ts";
import {
  type DeliveredText,
  type LiveMember,
  RoomEvents,
  type RoomFacts,
  type StatusFacts,
} from "../../../../lib/protocols/mesh/room/room_events.ts";
import type { PrivateMessage } from "../../../../lib/protocols/mesh/private/private_messages_io.ts";
import type { PrivateNews } from "../../../../lib/protocols/mesh/private/private_view.ts";
import type { ClaimedRotation } from "../../../../lib/protocols/mesh/schema/rotations.ts";
import { isSameName } from "../../../../lib/base/text/names.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";

const keys = new Map(["Ann", "Bob", "Carol", "Dave"].map((name) => [fakeSigner(name).key, name]));
const [ann, bob, carol, dave] = [...keys.keys()] as [PeerKey, PeerKey, PeerKey, PeerKey];

const stranger = fakeSigner("another Bob").key;

/** Of Ann, who knows Bob and Carol, and Dave, who was there, and was told of being in the room. */
function readyView(...known: Parameters<typeof newView>) {
  const given = newView(...known);
  given.view.becomeReady();
  return given;
}

function newView(
  members: Readonly<Record<string, Partial<LiveMember>>> = {},
  kept: readonly HistoryEntry[] = [],
) {
  const live = [bob, carol].map((key): LiveMember => ({
    key,
    beacon: { endpoint: null, ...HERE },
    suspected: false,
    heardMs: 9_000,
    ...members[keys.get(key)!],
  }));
  const facts = {
    ownPresence: () => HERE,
    live: () => live,
    ownEndpoint: () => null,
    shownName: (key: PeerKey) => keys.get(key) ?? null,
    authorName: (key: PeerKey, claimed: string) => key === stranger ? `${claimed}~` : claimed,
    claimedName: () => "Bob",
    strangerNamed: (name: string) =>
      [ann, ...keys.keys()].find((key) => isSameName(keys.get(key) ?? "Ann", name)) ?? null,
    knownNames: () => ["Carlotta"],
    knownInstead: () => null,
    nameAsMet: (name: string) => name,
    nameClaimedBy: () => "Bob",
    lost: () => [dave],
    history: () => kept,
    messages: () => 0,
  } as unknown as RoomFacts;
  const config = {
    room: "r",
    genesis: { genesis: { value: { private: false } } },
    listening: { host: "a", port: 1 },
    passive: false,
    records: [],
    founded: true,
    rulings: {
      isRemoved: (key: PeerKey) => key === carol,
      isFounder: (key: PeerKey) => key === bob,
      isDeputy: () => false,
    },
  } as unknown as RoomConfig;
  const shown: (LaterEffect | { readonly type: "fatal"; code: string; text: string })[] = [];
  const out = new RoomOutput(() => null);
  out.later = (effect) => void shown.push(effect);
  const view = new RoomEvents(config, ann, facts, out, {
    fatal: (code, text) => {
      out.ends();
      shown.push({ type: "fatal", code, text });
    },
  });
  const events = () => shown.flatMap((effect) => effect.type === "show" ? [effect.event] : []);
  const notices = () => events().flatMap((event) => event.event === "notice" ? [event.text] : []);
  return { view, shown, events, notices };
}

Deno.test("RoomView: who is told of the end before being ready isn't ready after it, and is shown nothing that waited", () => {
  const { view, shown } = newView();
  view.joined(bob, { endpoint: null, ...HERE }, true);
  view.fatal("name-taken", "why");
  // The roster that brought the end was what was waited for, and who leaves tells the user what is left to be told.
  view.becomeReady();
  view.joined(carol, { endpoint: null, ...HERE }, true);
  assertEquals(shown, [{ type: "fatal", code: "name-taken", text: "why" }]);
  assertEquals(view.ready, false);
});

Deno.test("RoomView: what was said before is shown again before all that came meanwhile, who is here too", () => {
  const { view, events } = newView();
  view.joined(bob, { endpoint: null, ...HERE }, true);
  view.shownAgain(20, new Set());
  view.becomeReady();
  view.joined(carol, { endpoint: null, ...HERE }, true);
  assertEquals(events().map(({ event }) => event), ["ready", "returned", "joined", "joined"]);
});

Deno.test("RoomView: of a flood of changes of presence some are shown, and the last; nobody else's are hidden, nor our own", () => {
  const { view, events } = readyView();
  const here = { endpoint: null, ...HERE };
  for (const key of [bob, carol]) view.joined(key, here, true);
  const changes = (key: PeerKey, count: number, nowMs: number) => {
    const before = events().length;
    for (let n = 1; n <= count; n++) {
      view.presence({ type: "presence", key, presence: { away: `${n}` } }, nowMs);
    }
    view.stepEnds(nowMs);
    return events().slice(before).flatMap((event) =>
      event.event === "presence" ? [`${event.name} ${event.away}`] : []
    );
  };

  assertEquals(changes(bob, 1_000, 10_000), ["Bob 1", "Bob 2", "Bob 3", "Bob 4"]);
  assertEquals(changes(carol, 1, 10_000), ["Carol 1"]);
  assertEquals(changes(ann, 6, 10_000).length, 6);
  assertEquals(changes(bob, 0, 19_000), []);
  assertEquals(changes(bob, 0, 21_000), ["Bob 1000"]);
  assertEquals(changes(bob, 0, 60_000), []);
});

Deno.test("RoomView.history() names whose private words are asked for, and finds private ones with the others", () => {
  const { view, shown } = readyView();
  const asks = (command: { readonly name?: string; readonly text?: string }): unknown => {
    view.history({ command: "history", count: 5, ...command }, "r");
    const effect = shown.at(-1)!;
    return effect.type === "recall" ? [effect.count, effect.event] : effect;
  };
  const [bobsKey, stranger] = [fingerprintOf(bob), fingerprintOf(dave)];

  const empty = { event: "history", messages: [] };
  assertEquals(asks({ name: "bob" }), [5, { ...empty, name: "Bob", key: bobsKey }]);
  assertEquals(asks({ name: "Bob", text: "x" }), [5, {
    ...empty,
    ...{ name: "Bob", key: bobsKey, searched: "x" },
  }]);
  assertEquals(asks({ name: stranger }), [5, { ...empty, name: stranger, key: stranger }]);
  assertEquals(asks({ text: "x" }), [5, { ...empty, searched: "x" }]);
  assertThrows(() => asks({ name: "Bbo" }), P2pchatError, "did you mean Bob?");
  assertThrows(
    () => asks({ name: "abcdef" }),
    P2pchatError,
    "Nobody here is called abcdef; for somebody who has left, give their key",
  );
  assertThrows(() => asks({ name: "Ann" }), P2pchatError, "Ann is you");
  assertEquals(asks({}), { type: "show", event: empty, ref: "r" } as never);
});

Deno.test("RoomView.history() of much is made piece by piece, of what was there when it was asked for", () => {
  const kept = Array.from({ length: 1_000 }, (_, at) => at).map((at) => ({
    ...{ id: `m${at}`, text: at % 2 === 0 ? `even ${at}` : `odd ${at}` },
    ...{ author: bob, claim: "c", sentAt: at },
  })) as unknown as HistoryEntry[];
  const { view, shown } = readyView({}, kept);
  const asks = (
    command: { readonly count: number | null; readonly text?: string; readonly before?: string },
  ) => {
    view.history({ command: "history", ...command }, "r");
    const effect = shown.at(-1)!;
    assert(effect.type === "recall" && effect.making !== undefined);
    assertEquals(effect.event.messages, []);
    let pieces = 1;
    for (;; pieces++) {
      const { done, value } = effect.making.next();
      if (done === true) return { pieces, texts: value.map(({ text }) => text), effect };
    }
  };

  const all = asks({ count: null });
  const found = asks({ count: 3, text: "EVEN" });
  const none = asks({ count: 3, text: "neither" });

  assertEquals(all.texts, kept.map(({ text }) => text));
  assertEquals([all.pieces, all.effect.isPublic], [4, true], "private words aren't asked for");
  assertEquals(found.texts, ["even 994", "even 996", "even 998"]);
  assertEquals([found.effect.isPublic, found.effect.count], [undefined, 3]);
  assertEquals([none.pieces, none.texts], [4, []]);
  const last = kept.at(-1)!.id;
  const earlier = asks({ count: 3, before: last });
  assertEquals(earlier.texts, kept.slice(-4, -1).map(({ text }) => text));
});

Deno.test("RoomView.arrival() shows what is too old to be kept before what may answer it, each once", () => {
  const message = (id: string) => ({ id, text: id, author: bob, claim: "c", sentAt: 0 });
  const kept = ["before", "kept", "last"].map(message);
  const { view, events } = readyView({}, kept as unknown as readonly HistoryEntry[]);
  const held = ["kept", "old", "older than that", "old", "last"].map(message);
  view.arrival(1, held as unknown as readonly DeliveredText[], () => undefined);

  const texts = events().flatMap((event) => event.event === "message" ? [event.text] : []);
  assertEquals(texts, ["old", "older than that", "before", "kept", "last"]);
});

Deno.test("RoomView.arrival() says once why an earlier Bob, who isn't here, is shown apart from the one who is", () => {
  const said = (author: PeerKey) => ({ id: "m", text: "hi", author, claim: "c", sentAt: 0 });
  const kept = [stranger, bob, stranger].map(said) as unknown as readonly HistoryEntry[];
  const { view, notices } = readyView({}, kept);
  view.arrival(3, [], () => undefined);

  assertEquals(notices().filter((text) => text.startsWith("Several keys")), [
    `Several keys have used the name Bob; these messages are signed with ${
      fingerprintOf(stranger)
    }, and shown as Bob~`,
  ]);
});

Deno.test("RoomView: what comes from somebody removed is marked, and isn't live; all of it is in what a newcomer is shown, and in /history", () => {
  const said = (author: PeerKey) =>
    ({ id: "m", text: "hi", author, claim: "c", sentAt: 0, history: false }) as unknown;
  const { view, events } = readyView({}, [said(bob), said(carol)] as readonly HistoryEntry[]);
  for (const author of [bob, carol]) view.message(said(author) as DeliveredText, undefined);
  for (const from of [bob, carol]) {
    const message = { id: "p", from, text: "psst", sentAt: 0 } as unknown as PrivateMessage;
    view.privateMessages.tell({ type: "received", message, late: false } as unknown as PrivateNews);
  }
  view.arrival(2, [], () => undefined);
  view.history({ command: "history", count: null }, undefined);

  const history = events().at(-1);
  assert(history?.event === "history");
  const marks = history.messages.map((message) => "removed" in message && message.removed);
  assertEquals(marks, [false, true]);
  assertEquals(
    events().flatMap((event) =>
      event.event === "message" ? [[event.text, event.history, event.removed]] : []
    ),
    [
      ["hi", false, undefined],
      ["hi", true, true],
      ["psst", false, undefined],
      ["psst", true, true],
      ["hi", true, undefined],
      ["hi", true, true],
    ],
  );
});

Deno.test("RoomView: of what waits for somebody removed it says that only /allow gets it there", () => {
  const { view, events, notices } = readyView();
  const waiting = (to: PeerKey) => ({ to, name: keys.get(to)!, messages: 1 });
  const tell = (news: unknown) => view.privateMessages.tell(news as PrivateNews);
  for (const to of [bob, carol]) {
    tell({ type: "delivery", id: "p", ...waiting(to), state: "queued", waiting: 1 });
    tell({ type: "delivery", id: "p", ...waiting(to), state: "delivered" });
  }
  tell({ type: "waits", when: "quit", receivers: [bob, carol].map(waiting) });
  tell({ type: "waits", when: "start", receivers: [carol].map(waiting) });

  assertEquals(
    events().flatMap((event) => event.event === "delivery" ? [event.removed] : []),
    [undefined, undefined, true, undefined],
  );
  const removed =
    "1 private message for Carol, who was removed; sent only if Carol is allowed back";
  assertEquals(notices().slice(-3), [
    "Kept: 1 private message for Bob; sent when you are both here again",
    `Kept: ${removed}`,
    `Still kept: ${removed}`,
  ]);
  const status = statusOf({}, { waiting: [bob, carol].map(waiting) });
  assertEquals(status.waiting.map(({ removed }) => removed), [undefined, true]);
});

/** What Ann is told by `/status`, where Bob and Carol are there, and Dave was. */
function statusOf(
  members: Readonly<Record<string, Partial<LiveMember>>>,
  given: Partial<StatusFacts>,
): MeshStatus {
  const { view, events } = readyView(members);
  view.status({
    nowMs: 10_000,
    direct: new Set([bob]),
    unsent: 0,
    waiting: [],
    upToDate: () => true,
    sources: new Set(),
    pausedBecause: null,
    ...given,
  }, undefined);
  const status = events().find((event) => event.event === "status");
  if (status?.event !== "status") throw new Error("no status was shown");
  return status;
}

Deno.test("RoomView: who writes to a name that two have taken reads which is which, and what to type", () => {
  const facts = {
    strangerNamed: () => bob,
    nameAsMet: (typed: string) => typed,
    knownInstead: (key: PeerKey) => key === bob ? carol : null,
    shownName: (key: PeerKey) => key === carol ? "Cleo~k7f3" : "Cleo",
    isRefused: () => false,
  } as unknown as RoomFacts;
  const config = { founded: true, rulings: {} } as RoomConfig;
  const view = new RoomEvents(config, ann, facts, new RoomOutput(() => null), { fatal: () => {} });
  const refused = assertThrows(() => view.receiver("Cleo"), P2pchatError);

  assertEquals(refused.code, "key-changed");
  assertEquals(
    refused.message,
    `Cannot write to Cleo alone: two have used that name; this one has the key ${
      fingerprintOf(bob)
    }, the one you know ${fingerprintOf(carol)} and is shown as Cleo~k7f3: ask who is whom, then ` +
      "type /trust Cleo to write to this one, or /msg Cleo~k7f3 TEXT for the one you know",
  );
});

Deno.test("RoomView: where the winner of a name isn't the one known by it, the plain name makes neither a deputy nor removes it", () => {
  const facts = {
    strangerNamed: () => bob,
    nameAsMet: (typed: string) => typed,
    knownInstead: (key: PeerKey) => key === bob ? carol : null,
    shownName: (key: PeerKey) => key === carol ? "Cleo~k7f3" : "Cleo",
    calledApart: () => "Cleo~qlke",
    isRefused: () => false,
  } as unknown as RoomFacts;
  const config = { founded: true, rulings: {} } as RoomConfig;
  const view = new RoomEvents(config, ann, facts, new RoomOutput(() => null), { fatal: () => {} });
  const ways = (["deputy", "remove", "no-deputy"] as const).map((kind) =>
    assertThrows(() => view.subject(kind, "Cleo"), P2pchatError).message.split(": ask who ")[1]
  );

  assertEquals(ways, [
    "is whom, then type /trust Cleo to mean this one, or /deputy Cleo~k7f3 for the one you know",
    "is whom, then type /remove Cleo~qlke to remove this one, or /remove Cleo~k7f3 for the one you know",
    "is whom, then type /deputy Cleo~qlke --end for this one, or /deputy Cleo~k7f3 --end for the one you know",
  ]);
  assertEquals(view.subject("remove", "Cleo~qlke"), bob);
});

Deno.test("RoomView: what one step finds missing of a member is told in one sentence, whatever the streams", () => {
  const { view, notices } = readyView();
  for (const [author, messages] of [[bob, 1], [carol, 1], [bob, 2]] as const) {
    view.skipped(author, messages);
  }
  assertEquals(notices(), []);
  view.stepEnds(0);
  view.stepEnds(0);

  assertEquals(notices(), [
    "Missed 3 messages from Bob: nobody here keeps them any more",
    "Missed 1 message from Carol: nobody here keeps them any more",
  ]);
});

Deno.test("RoomView: who isn't here any more is called by the name under which something of it is kept", () => {
  const [eve, fay] = [fakeSigner("Eve").key, fakeSigner("Fay").key];
  const kept = [{ author: eve, claim: "c" }, { author: bob, claim: "c" }];
  const { view, notices } = readyView({}, kept as unknown as readonly HistoryEntry[]);
  for (const author of [eve, fay]) view.skipped(author, 2);
  view.stepEnds(0);

  const names = notices().map((text) => text.split(/ from |: /)[1]);
  assertEquals(names, ["Bob", fingerprintOf(fay)]);
});

Deno.test("RoomView: a status says of each member how it is linked, when it was heard of, and what it lacks", () => {
  const { members, unconfirmed, catchingUp } = statusOf(
    { Carol: { heardMs: null } },
    { upToDate: (peer) => peer === bob, sources: new Set([bob]) },
  );

  assertEquals(
    members.map((member) => [
      member.name,
      member.direct,
      member.heardMsAgo,
      member.upToDate,
      member.fetching,
    ]),
    [["Bob", true, 1_000, true, true], ["Carol", false, null, false, false]],
  );
  assertEquals([unconfirmed, catchingUp], [1, true]);
});

Deno.test("RoomView: a status says who is suspected, lost or waited for, and what follows", () => {
  const { problems, catchingUp } = statusOf(
    { Bob: { suspected: true, heardMs: 5_500 } },
    { pausedBecause: "waiting for Carol" },
  );

  assertEquals(problems, [
    "Bob hasn't been heard of for 5 s and doesn't answer its neighbours (suspected); two seconds of that, and Bob counts as lost",
    "Dave is lost, and gets the missed messages when back",
    "your input waits: waiting for Carol",
  ]);
  assertEquals(catchingUp, false);
});

Deno.test("RoomView: who made a new invite and isn't here is told by its key, whatever name it has given itself", () => {
  const eve = fakeSigner("Eve").key;
  const { view, notices } = readyView();
  for (const [author, name] of [[bob, "Bob"], [eve, "Administrator"]] as const) {
    const rotation = { rotation: { value: { author, stays: null } } };
    const claim = { claim: { value: { name } } };
    view.secretChanged({ rotation, claim } as unknown as ClaimedRotation, false);
  }

  assertEquals(notices().map((text) => text.split(" has made a new invite")[0]), [
    "Bob",
    `Administrator, who isn't here, with key ${fingerprintOf(eve)},`,
  ]);
});

Deno.test("RoomView: a proof against oneself is told as such, whoever else is proven a liar", () => {
  for (const authors of [[ann], [carol, ann], [ann, carol]]) {
    const { view, notices } = readyView();
    for (const author of authors) view.equivocated(author);
    view.stepEnds(0);

    assertEquals(notices(), [
      "Different versions of one message were provably sent with your key: a copy of this profile is in " +
      "use, or the key was stolen",
    ]);
  }
});

Deno.test("RoomView: that two programs pose as one member is told once", () => {
  const { view, notices } = readyView();
  view.copied(carol, 0);
  view.copied(carol, 60_000);

  assertEquals(notices(), [
    "Two programs with Carol's key say that they are one: somebody has a copy of Carol's profile. " +
    "This program believes the one that it heard of first, and nobody can tell which of the two is Carol",
  ]);
});

Deno.test("RoomView: of proofs against many, those who are here are named, and the others counted", () => {
  const liars = Array.from({ length: 18 }, (_, n) => fakeSigner(`liar ${n}`).key);
  const { view, notices } = readyView();
  for (const liar of liars) {
    view.equivocated(liar);
    view.stepEnds(0);
  }
  view.equivocated(carol);
  view.stepEnds(5_000);
  const early = notices().length;
  view.stepEnds(10_000);

  assertEquals(early, 16);
  assertEquals(notices().slice(16), [
    "Carol and 2 more have each provably sent different versions of the same message; don't rely on what comes from them",
  ]);
});

Deno.test("RoomView: whoever isn't here is meant by a name like theirs, too", () => {
  const { view } = readyView();
  const hint = "Nobody here is called Carlota; did you mean Carlotta?";
  assertThrows(() => view.receiver("Carlota"), P2pchatError, hint);
  assertThrows(() => view.receiver("Bbo"), P2pchatError, "did you mean Bob?");
});
