import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { MemberPlaces } from "../../../lib/cli/group/member_place.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { signerOf } from "../../runtime/host_world.ts";

const GROUPS = "/p/group";
const KEY = fingerprintOf(signerOf(1).key);
const OTHER = fingerprintOf(signerOf(2).key);

function profile() {
  const disk = new MemoryDisk();
  /** Coordinators' keys by address, as `known_peers` has them. */
  const keys = new Map<string, typeof KEY>();
  const places = () => MemberPlaces.open(disk, GROUPS, (address) => keys.get(address) ?? null);
  const at = async (host: string, port = 6_000) => await (await places()).at({ host, port });
  const use = async (host: string, port = 6_000) => {
    const place = await at(host, port);
    await disk.makeFolder(place.folder);
    await place.remember({ server: { host, port }, logPath: place.logPath, port: 9_001 });
    return place;
  };
  return { disk, keys, places, at, use };
}

Deno.test("MemberPlaces: an address has its place, also in another spelling, and what was chosen there", async () => {
  const { disk, use, at } = profile();
  const first = await at("Example.org");
  assertEquals([first.address, first.lastPort], ["example.org:6000", null]);
  await disk.makeFolder(first.folder);
  const server = { host: "Example.org", port: 6_000 };
  await first.remember({ server, logPath: "/else/log", port: 9_007 });

  const again = await at("EXAMPLE.ORG");
  assertEquals(
    [again.folder, again.logPath, again.lastPort],
    [first.folder, "/else/log", 9_007],
  );
  const other = await use("example.org", 6_001);
  assertEquals([other.folder === first.folder, other.logPath], [false, `${other.folder}/log`]);
});

Deno.test("MemberPlaces: a place keeps the secrets that its coordinator told, the last one first, beside the rest", async () => {
  const { use, at } = profile();
  const place = await use("here");
  const secretOf = (epoch: number) => ({ epoch, secret: new Uint8Array(16).fill(epoch) });
  for (const epoch of [1, 2, 3, 2]) await place.keepSecret(secretOf(epoch));

  assertEquals((await at("here")).secrets, [secretOf(2), secretOf(3), secretOf(1)]);
  assertEquals((await use("here")).lastPort, 9_001);
  assertEquals((await at("here")).secrets.length, 3);
});

Deno.test("MemberPlaces: this machine has one place for each port, whatever it is called", async () => {
  const { use, at } = profile();
  const { folder } = await use("localhost");

  for (const host of ["127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "LOCALHOST"]) {
    assertEquals((await at(host)).folder, folder, host);
  }
  assertEquals((await at("127.0.0.2")).folder === folder, false);
  assertEquals((await at("127.0.0.1", 6_001)).folder === folder, false);
});

Deno.test("MemberPlaces: a place is found by its coordinator's key, and by each address used since", async () => {
  const { keys, places, at, use } = profile();
  const { folder, address } = await use("here");
  assertEquals((await places()).mayBeElsewhere(await at("there")), false); // nobody was ever met
  keys.set(address, KEY);
  assertEquals((await places()).mayBeElsewhere(await at("here")), false);
  assertEquals((await places()).mayBeElsewhere(await at("there")), true);

  const place = (await places()).of(KEY)!;
  assertEquals((await places()).of(OTHER), null);
  const server = { host: "there", port: 6_000 };
  await place.remember({ server, logPath: place.logPath, port: 9_001 });

  for (const host of ["here", "there"]) {
    const found = await at(host);
    assertEquals([found.folder, found.address, found.lastPort], [folder, address, 9_001], host);
    assertEquals((await places()).mayBeElsewhere(found), false);
  }
});

Deno.test("MemberPlaces: where an address was tried in vain first, the place whose coordinator was met is taken", async () => {
  const { keys, places, at, use } = profile();
  const { folder, address } = await use("here");
  keys.set(address, KEY);
  const tried = await use("there");
  assertEquals([tried.folder === folder, (await places()).mayBeElsewhere(tried)], [false, true]);

  const server = { host: "there", port: 6_000 };
  const place = (await places()).of(KEY)!;
  await place.remember({ server, logPath: place.logPath, port: 9_001 });

  assertEquals((await at("there")).folder, folder);
});

Deno.test("MemberPlaces: a damaged place may be the one that is sought, and is complained of", async () => {
  const { disk, places, use } = profile();
  const { folder } = await use("here");
  const file = await disk.openAppend(`${folder}/place`, { empty: true });
  file.write(new TextEncoder().encode("nonsense\n"));
  file.close();

  await assertRejects(places, P2pchatError, `${folder}/place`);
});

Deno.test("MemberPlaces: a port that none can have is as good as none", async () => {
  const { at } = profile();
  const place = await at("here");
  await place.table.disk.makeFolder(place.folder);
  const server = { host: "here", port: 6_000 };
  await place.remember({ server, logPath: place.logPath, port: 70_000 });

  assertEquals((await at("here")).lastPort, null);
});
