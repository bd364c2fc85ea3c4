import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { openSeed, type SealedSeed, sealSeed } from "../../../lib/base/crypto/sealed_seed.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { writeAll } from "../../../lib/store/disk/disk.ts";
import {
  isUsedProfile,
  openIdentity,
  openProfileIdentity,
  readSeed,
  takeSeed,
  writeSeed,
} from "../../../lib/store/profile/identity.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const PATH = "/p/identity";
const seed = () => new Uint8Array(32).fill(7);
const SEED_HEX = "07".repeat(32);

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

async function rewrite(disk: MemoryDisk, change: (text: string) => string): Promise<void> {
  const text = new TextDecoder().decode((await disk.read(PATH))!);
  const file = await disk.openAppend(PATH, { empty: true });
  writeAll(file, utf8(change(text)));
  file.close();
}

Deno.test("openIdentity() makes one identity, which survives a power cut", async () => {
  const disk = await newDisk();

  const made = await openIdentity(disk, PATH, seed);
  const after = disk.crash();
  const found = await openIdentity(after, PATH, () => {
    throw new Error("no second identity is made");
  });

  assertEquals([made.isNew, found.isNew], [true, false]);
  assertEquals(found.signer.key, made.signer.key);
  assertEquals(found.fingerprint, made.fingerprint);
  assertEquals((await after.stat(PATH))?.mode, 0o600);
});

Deno.test("openIdentity() takes permissions back that a copy of the file has got", async () => {
  const disk = await newDisk();
  await openIdentity(disk, PATH, seed);
  for (const [mode, said] of [[0o644, /mode 0644.* copied your key/], [0o400, null]] as const) {
    await disk.setMode(PATH, mode);

    const { notices } = await openIdentity(disk, PATH, seed);

    assertEquals((await disk.stat(PATH))?.mode, 0o600);
    assertEquals(notices.length, said === null ? 0 : 1);
    if (said !== null) assertMatch(notices[0]!, said);
  }
  const opened = () => openProfileIdentity(disk, "/p", true, seed);
  await disk.setMode(PATH, 0o604);
  assertEquals((await opened()).takeNotices().length, 1);
  assertEquals((await opened()).takeNotices().length, 0);
});

Deno.test("openIdentity() reports any changed character with file and line, and never the seed", async () => {
  const made = await newDisk();
  await openIdentity(made, PATH, seed);
  const text = new TextDecoder().decode((await made.read(PATH))!);
  const lineOf = (at: number) => text.slice(0, at).split("\n").length;

  for (let at = 0; at < text.length; at += 3) {
    const disk = await newDisk();
    await openIdentity(disk, PATH, seed);
    const other = text[at] === "5" ? "6" : "5";
    await rewrite(disk, () => text.slice(0, at) + other + text.slice(at + 1));

    const error = await assertRejects(() => openIdentity(disk, PATH, seed), P2pchatError);

    assertEquals(error.code, "store-corrupt");
    assert(error.message.includes(`${PATH}: line `), error.message);
    if (text[at] !== "\n") assert(error.message.includes(`line ${lineOf(at)} `), error.message);
    assert(!error.message.includes(SEED_HEX.slice(0, 16)));
  }
});

Deno.test("openIdentity() never quotes the seed of a file that has lost its first line, or has it elsewhere", async () => {
  const changes: ((lines: string[]) => string[])[] = [
    ([, ...others]) => others,
    ([header, seedLine, ...others]) => [seedLine!, header!, ...others],
    ([, seedLine]) => [seedLine!],
  ];
  for (const change of changes) {
    const disk = await newDisk();
    await openIdentity(disk, PATH, seed);
    await rewrite(disk, (text) => change(text.split("\n")).join("\n"));

    const error = await assertRejects(() => openIdentity(disk, PATH, seed), P2pchatError, PATH);

    assert(!error.message.includes(SEED_HEX.slice(0, 8)), error.message);
  }
});

Deno.test("openIdentity() leaves a damaged file as it is", async () => {
  const disk = await newDisk();
  await openIdentity(disk, PATH, seed);
  await rewrite(disk, (text) => text.replace(SEED_HEX, "08".repeat(32)));
  const before = await disk.read(PATH);

  await assertRejects(() => openIdentity(disk, PATH, seed), P2pchatError, "line 2");

  assertEquals(await disk.read(PATH), before);
});

Deno.test("openIdentity() says of a damaged file what it means to be without it", async () => {
  for (const damage of [() => "", (text: string) => text.replace(SEED_HEX, "08".repeat(32))]) {
    const disk = await newDisk();
    await openIdentity(disk, PATH, seed);
    await rewrite(disk, damage);

    await assertRejects(
      () => openIdentity(disk, PATH, seed),
      P2pchatError,
      "or move it away and be somebody else for all who know you",
    );
  }
});

Deno.test("openProfileIdentity() tells of a key that is new in a profile that isn't", async () => {
  const disk = await newDisk();
  await disk.tryLock("/p/mesh.lock", "1");
  (await disk.openAppend("/p/identity.new")).close(); // as a kill at the first start leaves
  (await disk.openAppend("/p/accounts.csv")).close(); // as an operator makes it before that
  const open = async (random = seed) =>
    await openProfileIdentity(disk, "/p", await isUsedProfile(disk, "/p"), random);
  const first = await open();
  await disk.makeFolder("/p/friends");
  const second = await open();
  await disk.remove(PATH);
  const third = await open(() => new Uint8Array(32).fill(8));

  assertEquals([first.takeNotices(), second.takeNotices()], [[], []]);
  assertEquals(third.takeNotices(), [
    `Your key is new, ${third.fingerprint}: /p/identity was missing, and for others you are somebody ` +
    "else; restore that file from a copy to be who you were",
  ]);
  assertEquals(third.takeNotices(), [], "they are shown once");
});

// A key under a passphrase.

const PASS_KEY = new Uint8Array(32).fill(1);

async function sealedIdentity(disk: MemoryDisk) {
  const made = await openIdentity(disk, PATH, seed);
  const cost = { ln: 1, r: 1, p: 1, salt: new Uint8Array(16), fingerprint: made.fingerprint };
  const sealed = sealSeed(seed(), PASS_KEY, cost);
  return { made, sealed };
}

const unseal = (sealed: SealedSeed) => Promise.resolve(openSeed(sealed, PASS_KEY)!);

Deno.test("openIdentity() opens a key under a passphrase as whoever knows it does, and refuses it without", async () => {
  const disk = await newDisk();
  const { made, sealed } = await sealedIdentity(disk);
  await writeSeed(disk, PATH, sealed, made.fingerprint);
  const text = new TextDecoder().decode((await disk.read(PATH))!);

  const found = await openIdentity(disk, PATH, seed, unseal);
  const refused = await assertRejects(() => openIdentity(disk, PATH, seed), P2pchatError);

  assertEquals([found.signer.key, found.isNew], [made.signer.key, false]);
  assertEquals(text.includes(SEED_HEX), false);
  assertEquals((await disk.stat(PATH))?.mode, 0o600);
  assertEquals(refused.code, "bad-credentials");
  assertMatch(refused.message, /the key in it is under a passphrase/);
});

Deno.test("openIdentity() asks for no passphrase where a file would take 10 GB to try one", async () => {
  const disk = await newDisk();
  const { made, sealed } = await sealedIdentity(disk);
  await writeSeed(disk, PATH, { ...sealed, ln: 23, r: 10 }, made.fingerprint);

  const asked = () => Promise.reject(new Error("it isn't asked"));
  const error = await assertRejects(() => openIdentity(disk, PATH, seed, asked), P2pchatError);

  assertEquals(error.code, "store-corrupt");
  assertMatch(error.message, /line 2.*more memory or time/);
});

Deno.test("writeSeed(): after a crash at any moment the key is there, in its old form or the new one", async () => {
  for (const [isSealing, isKill] of [[true, true], [true, false], [false, true], [false, false]]) {
    const forms = new Set<boolean>();
    for (let at = 1;; at++) {
      const disk = await newDisk();
      const { made, sealed } = await sealedIdentity(disk);
      const [before, after] = isSealing ? [seed(), sealed] : [sealed, seed()];
      await writeSeed(disk, PATH, before, made.fingerprint);
      const start = disk.operations;
      const restarted = () => isKill === true ? disk.kill() : disk.crash();
      let crashed: MemoryDisk | null = null;
      disk.fault = ({ number }) => {
        if (number === start + at) crashed = restarted();
        return null;
      };
      await writeSeed(disk, PATH, after, made.fingerprint).catch((error) => {
        if (crashed === null) throw error;
      });
      const left = (crashed ?? restarted()) as MemoryDisk;
      const another = () => new Uint8Array(32).fill(9);
      const found = await openIdentity(left, PATH, another, unseal);
      assertEquals(found.signer.key, made.signer.key, `operation ${at}`);
      forms.add("box" in (await readSeed(left, PATH))!);
      assertEquals((await left.list("/p")).filter((file) => file.endsWith(".new")), []);
      if (crashed === null) break;
    }
    assertEquals(forms.size, 2, "both forms were found");
  }
});

Deno.test("takeSeed() removes the plain seed that a kill left, and takes the file from others", async () => {
  const disk = await newDisk();
  const { made, sealed } = await sealedIdentity(disk);
  const plain = (await disk.read(PATH))!;
  await writeSeed(disk, PATH, sealed, made.fingerprint);
  const left = await disk.openAppend(`${PATH}.new`); // as a kill while the passphrase is removed leaves it
  writeAll(left, plain);
  left.close();
  await disk.setMode(PATH, 0o644);

  const first = await takeSeed(disk, PATH);
  const second = await takeSeed(disk, PATH);

  assertEquals(await disk.list("/p"), ["identity"]);
  assertEquals(await takeSeed(await newDisk(), PATH), null);
  assertEquals((await disk.stat(PATH))?.mode, 0o600);
  assert("box" in first!.seed);
  assertMatch(
    first!.notices.join(),
    /^\/p\/identity was open to others \(mode 0644\).* copied your key/,
  );
  assertEquals([first!.notices.length, second!.notices], [1, []]);
});

Deno.test("readSeed() takes no seed for another one's", async () => {
  const disk = await newDisk();
  assertEquals(await readSeed(disk, PATH), null);
  await openIdentity(disk, PATH, seed);
  assertEquals(await readSeed(disk, PATH), seed());
  await writeSeed(
    disk,
    PATH,
    new Uint8Array(32).fill(8),
    (await openIdentity(disk, PATH, seed)).fingerprint,
  );
  const error = await assertRejects(() => readSeed(disk, PATH), P2pchatError);
  assertEquals(error.code, "store-corrupt");
});
