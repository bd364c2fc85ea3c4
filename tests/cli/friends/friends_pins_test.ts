import { assertEquals, assertMatch } from "@std/assert";
import { nodeSigner } from "../../../lib/base/crypto/crypto.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  expectedKeys,
  friendsScope,
  otherKeyText,
  takeOverPins,
} from "../../../lib/cli/friends/friends_pins.ts";
import { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import type { UserInfoRow } from "../../../lib/store/users/user_info.ts";

const PATH = "/p/known_peers";
const [HOME, WORK, NEW] = ["/home/users.txt", "/work/users.txt", "/new/users.txt"].map(
  friendsScope,
) as [string, string, string];
const keyOf = (fill: number) => nodeSigner(new Uint8Array(32).fill(fill)).key;
const [bob, bobAtWork, eve] = [keyOf(1), keyOf(2), keyOf(3)];

function row(name: string, fingerprint: UserInfoRow["fingerprint"] = null): UserInfoRow {
  return { name, endpoint: { host: "127.0.0.1", port: 9_001 }, fingerprint, line: 1 };
}

async function opened(disk = new MemoryDisk()): Promise<KnownPeers> {
  await disk.makeFolder("/p");
  return await KnownPeers.open(disk, PATH);
}

/** What is known of the friends of a table, as name and fingerprint. */
function pinsOf(known: KnownPeers, scope: string): readonly string[] {
  return known.pins().filter((pin) => pin.scope === scope)
    .map(({ name, fingerprint }) => `${name} ${fingerprint}`);
}

Deno.test("takeOverPins() expects the keys of another table, durably, and names whose they are", async () => {
  const disk = new MemoryDisk();
  const known = await opened(disk);
  await known.pin(HOME, "bob", bob, 0);
  await known.pin("mesh:1", "cy", eve, 0);

  const { notice, written } = takeOverPins(known, NEW, [row("Bob"), row("cy"), row("dan")]);
  await written;

  assertMatch(notice!, /^Expecting the keys known from \/home\/users\.txt of Bob: .*\/trust NAME/);
  const restarted = await opened(disk.crash());
  assertEquals(pinsOf(restarted, NEW), [`Bob ${fingerprintOf(bob)}`]);
  assertEquals(restarted.check(NEW, "bob", eve).type, "changed");
  assertEquals(restarted.pinOf(NEW, "bob")?.firstSeen, "1970-01-01");
});

Deno.test("takeOverPins() leaves what the table says, or what was met with it; of several keys it takes the last", async () => {
  const known = await opened();
  await known.pin(HOME, "bob", bob, 0);
  await known.pin(WORK, "Bob", bobAtWork, 0);
  await known.pin(HOME, "cy", eve, 0);
  await known.pin(HOME, "eve", bob, 0);
  await known.pin(NEW, "eve", eve, 0);

  const { notice } = takeOverPins(known, NEW, [
    row("bob"),
    row("cy", fingerprintOf(keyOf(4))),
    row("eve"),
  ]);

  assertMatch(notice!, / from \/work\/users\.txt of bob: /);
  assertEquals(pinsOf(known, NEW), [
    `eve ${fingerprintOf(eve)}`,
    `bob ${fingerprintOf(bobAtWork)}`,
  ]);
  assertEquals(takeOverPins(known, NEW, [row("bob"), row("dan")]).notice, null);
});

Deno.test("takeOverPins() names eight, and says how many more", async () => {
  const known = await opened();
  const names = Array.from({ length: 10 }, (_, at) => `n${at}`);
  for (const [at, name] of names.entries()) await known.pin(at < 5 ? HOME : WORK, name, bob, 0);

  const { notice } = takeOverPins(known, NEW, names.map((name) => row(name)));

  assertMatch(notice!, / from other tables of n0, n1, .*, n7 and 2 more: /);
});

Deno.test("otherKeyText() compares a friend's first key with those of other tables", async () => {
  const known = await opened();
  await known.pin(HOME, "Bob", bob, 0);

  assertEquals(
    otherKeyText(known, NEW, "bob", eve),
    `bob has the key ${fingerprintOf(eve)} here; the Bob of /home/users.txt has ` +
      `${fingerprintOf(bob)}: perhaps somebody else. /verify bob tells`,
  );
  assertEquals(otherKeyText(known, NEW, "bob", bob), null);
  assertEquals(otherKeyText(known, NEW, "cy", bob), null);
  assertEquals(otherKeyText(known, HOME, "bob", eve), null, "it has one here");
});

Deno.test("expectedKeys() are those met with the table, else those verified under the name, the table's first", async () => {
  const known = await opened();
  await known.verify("Bob", bob, 0);
  await known.verify("bob", bobAtWork, 0);
  await known.verify("cy~k7f3", eve, 0);
  const rows = [row("bob", fingerprintOf(bob)), row("cy", fingerprintOf(eve))];

  const ofTable = expectedKeys(known, NEW, rows);
  const ofLast = expectedKeys(known, NEW, [row("bob", fingerprintOf(eve))]);
  await known.trust(NEW, "bob", eve, 0, true);
  const accepted = expectedKeys(known, NEW, rows);

  assertEquals(ofTable.get("bob"), fingerprintOf(bob));
  assertEquals(ofTable.has("cy"), false);
  assertEquals(ofLast.get("bob"), fingerprintOf(bobAtWork));
  assertEquals(accepted.get("bob"), fingerprintOf(eve));
});
