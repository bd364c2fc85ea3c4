import { assertEquals, assertThrows } from "@std/assert";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { InvariantError } from "../../../lib/base/invariant.ts";
import {
  enter,
  type FriendLink,
  FriendLinks,
  isKept,
} from "../../../lib/protocols/friends/friend_links.ts";
import { Friend } from "../../../lib/protocols/friends/friend.ts";
import { linkOf, row } from "./fixtures.ts";

const SMALLER = "a".repeat(64) as PeerKey;
const LARGER = "b".repeat(64) as PeerKey;

function link(id: number, changes: Partial<FriendLink> = {}): FriendLink {
  return linkOf(id, { peer: LARGER, ...changes });
}

function linksOf(...links: readonly FriendLink[]): FriendLinks {
  const all = new FriendLinks();
  for (const one of links) all.add(one);
  return all;
}

function ids(links: readonly FriendLink[]): readonly number[] {
  return links.map(({ link }) => link);
}

function bob(): Friend {
  return new Friend(row("bob", 2), null, { bytes: 0 });
}

/** What each end keeps of two links between two; `dialler` is whose dial each is, in the order they opened. */
function kept(fresh: { dialler: PeerKey; process?: string }, old: { dialler: PeerKey }): boolean[] {
  return [SMALLER, LARGER].map((self) => {
    const peer = self === SMALLER ? LARGER : SMALLER;
    const at = ({ dialler, process = "1" }: { dialler: PeerKey; process?: string }) =>
      link(1, { peer, dialled: dialler === self, process });
    return isKept(at(fresh), at(old), self);
  });
}

Deno.test("isKept() keeps at both ends the link that the smaller key dialled, whichever opened first", () => {
  assertEquals(kept({ dialler: SMALLER }, { dialler: LARGER }), [true, true]);
  assertEquals(kept({ dialler: LARGER }, { dialler: SMALLER }), [false, false]);
});

Deno.test("isKept() keeps the newer of two links that one end dialled", () => {
  for (const dialler of [SMALLER, LARGER]) {
    assertEquals(kept({ dialler }, { dialler }), [true, true]);
  }
});

Deno.test("isKept() keeps the newer of two links to different processes, whoever dialled", () => {
  for (const process of ["0", "2"]) {
    assertEquals(kept({ dialler: LARGER, process }, { dialler: SMALLER }), [true, true]);
    assertEquals(kept({ dialler: SMALLER, process }, { dialler: LARGER }), [true, true]);
  }
});

Deno.test("FriendLinks.to() gives a key's links that aren't being closed", () => {
  const links = linksOf(
    link(1),
    link(2, { phase: "over" }),
    link(3, { phase: "open" }),
    link(4, { peer: SMALLER }),
  );

  assertEquals(ids(links.to(LARGER)), [1, 3]);
  links.remove(1 as LinkId);
  assertEquals([links.get(1 as LinkId), ids(links.to(LARGER))], [null, [3]]);
});

Deno.test("FriendLinks.inbound() gives those who came in and are in a phase, in order", () => {
  const links = linksOf(
    link(1, { dialled: true }),
    link(2, { phase: "checking" }),
    link(3, { phase: "open" }),
    link(4),
    link(5),
    link(6, { phase: "over" }),
  );

  assertEquals([ids(links.inbound("checking")), ids(links.inbound("greeting"))], [[2], [4, 5]]);
});

Deno.test("FriendLinks.checking() gives those who say that they are this friend", () => {
  const friend = bob();
  const links = linksOf(
    link(1, { friend, phase: "checking" }),
    link(2, { friend, phase: "open" }),
    link(3, { friend: bob(), phase: "checking" }),
  );

  assertEquals(ids(links.checking(friend)), [1]);
});

Deno.test("FriendLinks.of() gives a friend's links and those who say so, but those being closed", () => {
  const friend = bob();
  const links = linksOf(
    link(1, { friend, phase: "checking" }),
    link(2, { friend, phase: "over" }),
    link(3, { friend: bob() }),
    link(4, { friend, phase: "draining" }),
  );

  assertEquals(ids(links.of(friend)), [1, 4]);
});

Deno.test("enter() lets a link go through its phases, and never back", () => {
  const one = link(1);
  for (const phase of ["checking", "open", "draining", "over"] as const) enter(one, phase);

  assertEquals(one.phase, "over");
  assertThrows(() => enter(one, "open"), InvariantError, "goes from over");
  assertThrows(() => enter(link(2, { phase: "draining" }), "open"), InvariantError, "draining");
});

Deno.test("FriendLinks.dialledKey() gives the key that answers at the friend's address, none that came in", () => {
  const friend = bob();
  const inbound = link(1, { friend });
  const closing = link(2, { friend, dialled: true, phase: "over" });

  assertEquals(linksOf(inbound, closing).dialledKey(friend), null);
  assertEquals(linksOf(inbound, link(3, { friend, dialled: true })).dialledKey(friend), LARGER);
});

Deno.test("FriendLinks.nextDueMs() is the earliest", () => {
  const links = linksOf(link(1, { dueMs: 30 }), link(2), link(3, { dueMs: 20 }));

  assertEquals([links.nextDueMs(), linksOf(link(1)).nextDueMs()], [20, null]);
});
