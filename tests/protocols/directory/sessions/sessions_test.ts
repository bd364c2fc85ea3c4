/** Links, clients that are in, and names of guests, each alone. */

import { addressBlock } from "../../../../lib/base/text/address_block.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { FoldedName, LinkId } from "../../../../lib/base/ids.ts";
import { InvariantError } from "../../../../lib/base/invariant.ts";
import {
  GUEST_HELD_MS,
  HELD_GUESTS_MAX,
  HELLO_MS_MAX,
  SILENT_LINKS_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { ClientLink } from "../../../../lib/protocols/directory/sessions/client_session.ts";
import {
  ClientLinks,
  HeldGuests,
  Sessions,
} from "../../../../lib/protocols/directory/sessions/sessions.ts";
import { clientOf, linkOf, sessionsOf } from "../directory_parts.ts";

const ANN = "ann" as FoldedName;

Deno.test("ClientLinks: of too many that say nothing the one goes that has waited longest, whoever was refused last", () => {
  const links = new ClientLinks();
  const first = linkOf({ id: 1 });
  links.up(first, 0);
  for (let id = 2; id <= SILENT_LINKS_MAX; id++) assertEquals(links.up(linkOf({ id }), 0), null);
  links.enter(first, "checking", 0);
  links.enter(first, "silent", 5); // refused: it waits anew

  assertEquals(links.up(linkOf({ id: 9_999 }), 5)?.id, 2 as LinkId);
});

Deno.test("ClientLinks: only a link that says nothing is due, and a place is held while one is being checked", () => {
  const links = new ClientLinks();
  const [ann, bob] = [linkOf({ id: 1 }), linkOf({ id: 2 })];
  for (const link of [ann, bob]) links.up(link, 0);
  links.enter(bob, "checking", 0);
  assertEquals([links.checking, [...links.takeDue(HELLO_MS_MAX)]], [1, [ann]]);

  links.down(bob.id);
  assertEquals([links.checking, links.get(bob.id), bob.phase], [0, null, "over"]);
});

Deno.test("ClientLink: it goes from phase to phase, and is over once", () => {
  const link = linkOf();

  assertThrows(() => link.enter("in"), InvariantError);
  link.enter("checking");
  link.enter("over");
  assertThrows(() => link.enter("silent"), InvariantError);
});

Deno.test("ClientLink: a copy of a profile has its key, and is another program", () => {
  const link = linkOf();
  const others = [linkOf({ id: 2 }), linkOf({ process: "2" }), linkOf({ device: "eve" })];

  assertEquals(others.map((other) => link.isOfSameProcess(other)), [true, false, false]);
});

Deno.test("addressBlock(): the owner of one IPv6 address is taken for that of its whole block", () => {
  const blocks = ["10.0.0.2", "::ffff:10.0.0.2", "2001:db8:1:2:3::4", "fe80::1%eth0"];

  assertEquals(blocks.map(addressBlock), [
    "10.0.0.2",
    "10.0.0.2",
    "2001:db8:1:2::/64",
    "fe80:0:0:0::/64",
  ]);
  assertEquals(new ClientLink(1 as LinkId, linkOf().peer, "1", blocks[1]!).address, "10.0.0.2");
});

Deno.test("Sessions: a guest's name is another's only, while it is there and for a while after", () => {
  const guest = clientOf("Ann", { isGuest: true });
  const sessions = sessionsOf(guest);
  const { key } = guest;
  const other = linkOf({ device: "eve" }).peer;
  const isOther = (nowMs: number) =>
    [key, other].map((each) => sessions.isOtherGuests(ANN, each, nowMs));

  assertEquals([isOther(0), sessions.indexed(1), sessions.size], [[false, true], guest, 1]);
  sessions.held.hold(guest, 0);
  sessions.remove(guest);
  assertEquals([isOther(GUEST_HELD_MS - 1), sessions.named(ANN)], [[false, true], null]);
  assertEquals(isOther(GUEST_HELD_MS), [false, false]);
  assertEquals([sessions.wasGuest(ANN, guest.link), sessions.indexed(1)], [true, null]);
});

Deno.test("Sessions: whoever comes back has its name again, and an account's is no guest's", () => {
  const sessions = new Sessions();
  sessions.held.hold(clientOf("ann", { isGuest: true }), 0);
  const account = clientOf("ann", { device: "other" });
  sessions.add(account);

  assertEquals(sessions.held.get(ANN, 0), null);
  assertEquals(sessions.isOtherGuests(ANN, linkOf().peer, 0), false);
  sessions.remove(account);
  assertEquals(sessions.wasGuest(ANN, account.link), false);
});

Deno.test("HeldGuests: a crowd from a few addresses frees nobody else's name", () => {
  const held = new HeldGuests();
  const hold = (name: string, host: string) => {
    held.hold(clientOf(name, { isGuest: true, host }), 0);
  };
  hold("ann", "10.0.0.2");
  for (let n = 0; n < HELD_GUESTS_MAX; n++) hold(`g${n}`, `10.0.1.${n % 8}`);

  assert(held.get(ANN, 0) !== null);
  assertEquals(held.get("g0" as FoldedName, 0), null, "the oldest of those who have the most");
  assert(held.get(`g${HELD_GUESTS_MAX - 1}` as FoldedName, 0) !== null);
});

Deno.test("HeldGuests: where the directory stood still each name is held anew", () => {
  const held = new HeldGuests();
  held.hold(clientOf("ann", { isGuest: true, had: 7 }), 0);

  held.holdAnew(60_000);
  held.tick(60_000);
  assertEquals([held.get(ANN, 60_000)?.through, held.nextMs()], [7, 60_000 + GUEST_HELD_MS]);
  held.tick(60_000 + GUEST_HELD_MS);
  assertEquals(held.nextMs(), null);
});
