/** New pins are lines at the end of the file: what that costs, beside other programs, and when the power is cut. */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { nodeSigner, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { writeAll } from "../../../lib/store/disk/disk.ts";
import { ASKED_PINS, KnownPeers, PINS_MAX } from "../../../lib/store/profile/known_peers.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { Random } from "../../sim/random.ts";
import { SLOW } from "../../given.ts";

const PATH = "/p/known_peers";
const DAY_MS = Date.UTC(2026, 0, 31);
const [bob, eve] = [1, 2].map((fill) => nodeSigner(new Uint8Array(32).fill(fill)).key) as [
  PeerKey,
  PeerKey,
];
const keyOf = (number: number) => number.toString(16).padStart(64, "0") as PeerKey;

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

async function content(disk: MemoryDisk): Promise<string> {
  return new TextDecoder().decode((await disk.read(PATH))!);
}

/** What a piece of work does with the disk. */
async function operationsOf(disk: MemoryDisk, work: () => Promise<unknown>) {
  const kinds: string[] = [];
  disk.fault = ({ kind }) => {
    kinds.push(kind);
    return null;
  };
  await work();
  disk.fault = null;
  return kinds;
}

const namesIn = (known: KnownPeers) => known.pins().map(({ name }) => name);

Deno.test("pin() adds one synced line to the file, and reads none of it, whatever else it has", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("group:1", "Ann", keyOf(1), DAY_MS);
  const before = await content(disk);
  const kinds = await operationsOf(disk, () => known.pin("group:1", "Bob", bob, DAY_MS));

  assertEquals(kinds.filter((kind) => ["read", "rename"].includes(kind)), []);
  assertEquals(kinds.filter((kind) => ["write", "sync"].includes(kind)), ["write", "sync"]);
  const after = await content(disk);
  assert(after.startsWith(before) && after.split("\n").length === before.split("\n").length + 1);
  assertEquals(namesIn(await KnownPeers.open(disk.crash(), PATH)), ["Ann", "Bob"]);
});

Deno.test("programs that add pins in turn know each other's, read only these, and have them in the file's order", async () => {
  const disk = await newDisk();
  const [one, other] = [await KnownPeers.open(disk, PATH), await KnownPeers.open(disk, PATH)];
  await one.pin("group:1", "n0", keyOf(1), DAY_MS);
  await other.pin("mesh:1", "n1", keyOf(2), DAY_MS);
  const kinds = await operationsOf(disk, async () => {
    for (let n = 2; n < 8; n++) {
      await (n % 2 === 0 ? one : other).pin(`group:${n}`, `n${n}`, keyOf(n + 1), DAY_MS);
    }
    await one.reread();
  });
  assertEquals(kinds.includes("rename"), false);
  assertEquals(namesIn(one), ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"]);
  assertEquals(namesIn(await KnownPeers.open(disk, PATH)), namesIn(one));

  await other.verify("n1", keyOf(2), DAY_MS);
  await other.refuse("n2", fingerprintOf(keyOf(3)), DAY_MS);
  await one.pin("group:9", "n9", keyOf(10), DAY_MS);
  assertEquals((await one.reread()).map(({ name, isRefused }) => [name, isRefused]), [[
    "n2",
    true,
  ]]);
  assertEquals([one.isVerified("n1", one.verified()[0]!.fingerprint), one.pinOf("group:2", "n2")], [
    true,
    null,
  ]);
  assertEquals(namesIn(await KnownPeers.open(disk, PATH)), namesIn(one));
});

Deno.test("what two programs pin for one name at once is written by the one that comes last, once", async () => {
  const disk = await newDisk();
  const [one, other] = [await KnownPeers.open(disk, PATH), await KnownPeers.open(disk, PATH)];
  await one.pin("mesh:1", "Ann", keyOf(9), DAY_MS);
  await other.reread();
  await one.pin("mesh:1", "Bob", bob, DAY_MS);
  await other.pin("mesh:1", "Bob", eve, DAY_MS);
  const stored = await KnownPeers.open(disk, PATH);
  assertEquals(stored.check("mesh:1", "Bob", eve).type, "same");
  assertEquals(namesIn(stored), ["Ann", "Bob"]);
});

Deno.test("pin() that the disk refuses leaves no part of a line, and is written once there is space", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("mesh:1", "Ann", keyOf(1), DAY_MS);
  const before = await content(disk);
  disk.bytesMax = before.length + 20;
  const error = await assertRejects(() => known.pin("mesh:1", "Bob", bob, DAY_MS), P2pchatError);
  assertEquals([error.code, await content(disk)], ["disk", before]);
  disk.bytesMax = Infinity;
  await known.pin("mesh:1", "Eve", eve, DAY_MS);
  assertEquals(namesIn(await KnownPeers.open(disk.crash(), PATH)), ["Ann", "Bob", "Eve"]);
});

Deno.test(
  "pin() is kept whenever the power is cut after it, and no file that is left is refused",
  SLOW,
  async () => {
    for (let seed = 0; seed < 400; seed++) {
      const random = new Random(seed);
      const disk = new MemoryDisk({ random: () => random.below(1 << 20) / (1 << 20) });
      await disk.makeFolder("/p");
      const known = await KnownPeers.open(disk, PATH);
      await known.pin("mesh:1", "n0", keyOf(1), DAY_MS);
      let left = random.below(60);
      let after: MemoryDisk | null = null;
      disk.fault = () => {
        if (left-- === 0) after = disk.crash();
        return null;
      };
      const kept = ["n0"];
      for (let n = 1; n < 12 && after === null; n++) {
        const done = await known.pin("mesh:1", `n${n}`, keyOf(n + 1), DAY_MS).then(
          () => true,
          () => false,
        );
        if (done) kept.push(`n${n}`);
      }
      const found = namesIn(await KnownPeers.open(after ?? disk.crash(), PATH));
      assertEquals(found.slice(0, kept.length), kept, `seed ${seed}`);
    }
  },
);

Deno.test(
  "strangers don't fill the part of the file that is kept for what the user asks for",
  SLOW,
  async () => {
    const disk = await newDisk();
    const file = await disk.openAppend(PATH, { empty: true });
    writeAll(file, utf8("# full\n".repeat(PINS_MAX - ASKED_PINS - 1)));
    file.close();
    const known = await KnownPeers.open(disk, PATH);
    await known.pin("group:1", "Ann", keyOf(1), DAY_MS);
    const error = await assertRejects(() => known.pin("group:1", "Bob", bob, DAY_MS), P2pchatError);
    assertEquals(error.code, "full");
    assert(error.message.includes("90,000 lines, and more are kept"), error.message);
    await known.trust("group:1", "Bob", bob, DAY_MS, true);
    await known.verify("Bob", bob, DAY_MS);
    await known.refuse("Eve", fingerprintOf(eve), DAY_MS);
    assertEquals([known.pins().length, known.verified().length, known.refused().length], [2, 1, 1]);
  },
);
