import { assertEquals, assertRejects } from "@std/assert";
import { concatBytes, nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { Clock } from "../../../lib/base/machine/clock.ts";
import { openToSend } from "../../../lib/cli/files/file_to_send.ts";
import { TransferFiles } from "../../../lib/cli/files/transfer_files.ts";
import { LeafSet, leavesText } from "../../../lib/protocols/transfer/leaf_set.ts";
import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import { leafLength, leavesOf } from "../../../lib/protocols/transfer/merkle.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { fileOf, leafOf, offerOf, signerOf } from "../../protocols/transfer/fixtures.ts";
import { TemporaryFolder } from "../../temporary_folder.ts";

/** What is received, in a folder of its own. */
class Receiver {
  readonly file = fileOf(2 * LEAF_BYTES + 7);
  readonly #offered = offerOf(signerOf(1), this.file);
  readonly id = this.#offered.id;

  private constructor(readonly folder: string, readonly files: TransferFiles) {}

  static async open(): Promise<Receiver> {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-files-" });
    const [profile, downloads] = [`${folder}/profile`, `${folder}/downloads`];
    const files = await TransferFiles.open(new RealDisk(), nodeCrypto, profile, downloads);
    const receiver = new Receiver(folder, files);
    await receiver.begin();
    return receiver;
  }

  async begin(): Promise<boolean> {
    return (await this.files.begin(this.id, this.#offered.signed, "a")).isThere;
  }

  write(leaf: number, bytes: Uint8Array, proof: Uint8Array): Promise<void> {
    const place = { type: "write", token: 1, offset: leaf * LEAF_BYTES } as const;
    return this.files.write(this.id, {
      ...leafOf(this.file, this.id, leaf),
      ...place,
      bytes,
      proof,
    });
  }

  async read(leaf: number): Promise<Uint8Array> {
    const length = leafLength(this.file.size, leaf);
    const place = { leaf, offset: leaf * LEAF_BYTES, length, proofLength: 0 };
    const read = { type: "read", token: 1, file: this.id, ...place } as const;
    return (await this.files.read(this.id, read)).bytes;
  }

  get leaves(): readonly number[] {
    return [...Array(leavesOf(this.file.size)).keys()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.files.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("what others read of a file is there also while the file gets its name", async () => {
  await using receiver = await Receiver.open();
  const { file, files, id, leaves } = receiver;
  for (const leaf of leaves) {
    const { bytes, proof } = leafOf(file, id, leaf);
    await receiver.write(leaf, bytes.slice(), proof.slice());
  }
  const reads: Promise<Uint8Array>[] = [receiver.read(0)];
  let isNamed = false;
  const finishing = files.finish(id, "a").finally(() => isNamed = true);
  while (!isNamed) {
    reads.push(receiver.read(0));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assertEquals(await finishing, files.pathOf(id));
  reads.push(receiver.read(0));
  for (const bytes of await Promise.all(reads)) assertEquals(bytes, file.leaves[0]);
});

Deno.test("what is offered isn't read through a link that has taken its place", async () => {
  await using receiver = await Receiver.open();
  const { files, folder } = receiver;
  const [path, key] = [`${folder}/photo`, `${folder}/profile/identity`];
  Deno.writeFileSync(path, FETCHED.leaves[0]!);
  Deno.writeFileSync(key, new Uint8Array(FETCHED.size));
  for (const each of [path, key]) Deno.utimeSync(each, 1, 1);
  await files.hash(path);
  const { id, signed } = offerOf(signerOf(1), FETCHED);
  await files.keep(id, path, signed);
  Deno.removeSync(path);
  Deno.symlinkSync(key, path);

  const leaf = { leaf: 0, offset: 0, length: FETCHED.size, proofLength: 0 };
  await assertRejects(
    () => files.read(id, { type: "read", token: 1, file: id, ...leaf }),
    P2pchatError,
    "own files",
  );
});

Deno.test("the key of another profile isn't sent, nor a copy of one", async () => {
  await using receiver = await Receiver.open();
  const path = `${receiver.folder}/copy`;
  Deno.writeTextFileSync(path, "ab12cd34\tp2pchat\tidentity\t1\n");
  await assertRejects(
    () => openToSend(path, `${receiver.folder}/profile`),
    P2pchatError,
    "own files",
  );
});

Deno.test("nobody waits for a pipe that has taken the place of what is sent", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-files-" });
  const path = `${folder}/photo`;
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const stat = Deno.stat;
  try {
    Deno.stat = async (at) => ({ ...await stat(at), isFile: true }); // as it was at first
    const soon: Clock = {
      nowMs: () => 0,
      at(_ms, run) {
        const timer = setTimeout(run, 20);
        return { cancel: () => clearTimeout(timer) };
      },
    };
    const sending = openToSend(path, `${folder}/profile`, soon);
    await assertRejects(() => sending, P2pchatError, "is a pipe by now");
  } finally {
    Deno.stat = stat;
  }
  (await Deno.open(path, { write: true })).close(); // who waits in the system goes on
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what is given up and fetched anew at once begins anew, and is there", async () => {
  await using receiver = await Receiver.open();
  const { file, files, folder, id } = receiver;
  for (let round = 0; round < 50; round++) {
    const discarding = files.discard(id);
    // so far into the removal
    for (let turn = 0; turn < round % 10; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    assertEquals(await receiver.begin(), false);
    await discarding;
    const { bytes, proof } = leafOf(file, id, 0);
    await receiver.write(0, bytes.slice(), proof.slice());
    assertEquals(await receiver.read(0), file.leaves[0]);
    const parts = await Array.fromAsync(Deno.readDir(`${folder}/downloads`));
    assertEquals(parts.map((part) => `${folder}/downloads/${part.name}`), [files.pathOf(id)]);
  }
});

Deno.test("what is given up while it is synced leaves nothing behind", async () => {
  await using receiver = await Receiver.open();
  const { file, files, folder, id } = receiver;
  for (let round = 0; round < 20; round++) {
    const { bytes, proof } = leafOf(file, id, 0);
    await receiver.write(0, bytes.slice(), proof.slice());
    const syncing = files.sync(id, "leaves").catch((error) => {
      if (!(error instanceof P2pchatError)) throw error; // it was given up before
    });
    for (let turn = 0; turn < round % 5; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([syncing, files.discard(id)]);
    const kept = await Array.fromAsync(Deno.readDir(`${folder}/profile`), ({ name }) => name);
    assertEquals(kept.filter((name) => name.includes(".leaves")), [], `round ${round}`);
    assertEquals(await receiver.begin(), false);
  }
});

Deno.test("at a start it is told how much there is of a part", async () => {
  await using receiver = await Receiver.open();
  const { file, files, id } = receiver;
  const done = new LeafSet(leavesOf(file.size));
  const bytesOf = async () => {
    const { files: [part] } = await files.restored(signerOf(2).key);
    return part?.bytes;
  };
  assertEquals(await bytesOf(), 0);
  const { bytes, proof } = leafOf(file, id, 1);
  await receiver.write(1, bytes.slice(), proof.slice());
  assertEquals(await bytesOf(), LEAF_BYTES + bytes.length, "as far as it was written");
  done.add(1);
  await files.sync(id, leavesText(nodeCrypto, id, done));
  assertEquals(await bytesOf(), LEAF_BYTES);
});

/** Fails from one call on: each of them, as after a kill, or those that take room. */
function failing(from: number, isKill: boolean) {
  let calls = 0;
  const disk = new Proxy(new RealDisk(), {
    get(disk, name: keyof RealDisk) {
      const value = disk[name];
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const takesRoom = name === "openAppend" || name === "makeFolder";
        if ((takesRoom || isKill) && calls++ >= from) throw new P2pchatError("disk", "no room");
        return (value as (...args: unknown[]) => unknown).apply(disk, args);
      };
    },
  });
  return { disk, hasFailed: () => calls > from };
}

Deno.test("wherever a kill or a full disk breaks off a file, it comes at last, and nothing else is left", async () => {
  for (const isKill of [true, false]) {
    for (let from = 0, hasFailed = true; hasFailed; from++) {
      const { disk, ...failure } = failing(from, isKill);
      const folder = await Deno.makeTempDir({ prefix: "p2pchat-files-" });
      const open = (disk: RealDisk) =>
        TransferFiles.open(disk, nodeCrypto, `${folder}/profile`, `${folder}/downloads`);
      try {
        const isTold = await open(disk).then(fetched).then(() => true, (error) => {
          if (!(error instanceof P2pchatError)) throw error;
          return false;
        });
        hasFailed = failure.hasFailed();
        const files = await open(new RealDisk());
        const { files: [restored] } = await files.restored(signerOf(2).key);
        if (restored?.kind !== "whole") await fetched(files);
        else if (!isTold) assertEquals(restored.path, `${folder}/downloads/a`);
        files.close();
        const saved = await Array.fromAsync(Deno.readDir(`${folder}/downloads`));
        assertEquals(saved.map(({ name }) => name), ["a"], `from call ${from}`);
        assertEquals(await Deno.readFile(`${folder}/downloads/a`), FETCHED.leaves[0]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }
  }
});

Deno.test("what was received and is gone is forgotten at a start with a full disk, too", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-files-" });
  const folder = temporary.path;
  const open = (disk: RealDisk) =>
    TransferFiles.open(disk, nodeCrypto, `${folder}/profile`, `${folder}/downloads`);
  await fetched(await open(new RealDisk()));
  await Deno.remove(`${folder}/downloads/a`);
  const files = await open(failing(1, false).disk); // its folder is there
  assertEquals(await files.restored(signerOf(2).key), {
    files: [],
    receivedBytes: 0,
    outOfReach: [],
  });
  files.close();
});

Deno.test("what was begun in a folder that isn't there to be used is given up, or begun anew in the present one", async () => {
  for (const isGivenUp of [true, false]) {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-files-" });
    const open = (downloads: string) =>
      TransferFiles.open(new RealDisk(), nodeCrypto, `${folder}/profile`, `${folder}/${downloads}`);
    const { id, signed } = offerOf(signerOf(1), FETCHED);
    try {
      const before = await open("before");
      await before.begin(id, signed, "a");
      before.close();
      await Deno.remove(`${folder}/before`, { recursive: true });
      await Deno.writeTextFile(`${folder}/before`, "no folder");

      const files = await open("now");
      if (isGivenUp) await files.discard(id);
      else await fetched(files);
      files.close();
      const { files: restored } = await (await open("now")).restored(signerOf(2).key);
      assertEquals(restored.map(({ kind }) => kind), isGivenUp ? [] : ["whole"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

Deno.test("what was received is known again though it has another number on its disk", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-files-" });
  const disk = new RealDisk();
  const profile = `${folder}/profile`;
  const kinds = async () => {
    const files = await TransferFiles.open(disk, nodeCrypto, profile, `${folder}/downloads`);
    const { files: restored } = await files.restored(signerOf(2).key);
    files.close();
    return restored.map(({ kind }) => kind);
  };
  try {
    await fetched(await TransferFiles.open(disk, nodeCrypto, profile, `${folder}/downloads`));
    const saved = `${folder}/downloads/a`;
    const { mtime } = Deno.statSync(saved);
    Deno.renameSync(saved, `${saved} before`);
    Deno.copyFileSync(`${saved} before`, saved);
    Deno.utimeSync(saved, mtime!, mtime!);
    assertEquals(await kinds(), ["whole"]);

    Deno.writeTextFileSync(saved, "changed!");
    assertEquals(await kinds(), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("that its signer changed what was received is known again", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-files-" });
  const folder = temporary.path;
  const disk = new RealDisk();
  const { id } = offerOf(signerOf(1), FETCHED);
  const signature = new Uint8Array(64).fill(7);
  const open = () =>
    TransferFiles.open(disk, nodeCrypto, `${folder}/profile`, `${folder}/downloads`);
  const noted = async () => {
    const files = await open();
    const { files: restored } = await files.restored(signerOf(2).key);
    files.close();
    return restored.map(({ kind, changed }) => [kind, changed]);
  };
  await fetched(await open());
  assertEquals(await noted(), [["whole", undefined]]);
  const files = await open();
  await files.changed(id, signature);
  files.close();
  assertEquals(await noted(), [["whole", signature]]);
});

const FETCHED = fileOf(7);

async function fetched(files: TransferFiles): Promise<void> {
  const { id, signed } = offerOf(signerOf(1), FETCHED);
  try {
    await files.begin(id, signed, "a");
    const { bytes, proof } = leafOf(FETCHED, id, 0);
    const write = { type: "write", token: 1, file: id, leaf: 0, offset: 0 } as const;
    await files.write(id, { ...write, bytes: bytes.slice(), proof: proof.slice() });
    await files.sync(id, "all");
    await files.finish(id, "a");
  } finally {
    files.close();
  }
}

Deno.test("a leaf's memory is given back once it is written, unless it shares it with another", async () => {
  await using receiver = await Receiver.open();
  const { file, id } = receiver;
  /** The leaf and its proof in one buffer, as in a message, with so much room for others beside them. */
  const received = (leaf: number, beside: number) => {
    const { bytes, proof } = leafOf(file, id, leaf);
    const buffer = new Uint8Array(bytes.length + proof.length + beside);
    buffer.set(bytes);
    buffer.set(proof, bytes.length);
    return {
      bytes: buffer.subarray(0, bytes.length),
      proof: buffer.subarray(bytes.length, bytes.length + proof.length),
      isGone: () => buffer.length === 0,
    };
  };
  const gone: boolean[] = [];
  for (const [leaf, beside] of [[0, 50], [1, 5_000], [2, 50]] as const) {
    const { bytes, proof, isGone } = received(leaf, beside);
    await receiver.write(leaf, bytes, proof);
    gone.push(isGone());
  }
  assertEquals(gone, [true, false, false]);
  for (const leaf of receiver.leaves) assertEquals(await receiver.read(leaf), file.leaves[leaf]);
});

Deno.test("the digest of a file to be offered is that of its tree, whatever its length", async () => {
  await using receiver = await Receiver.open();
  for (const size of [0, 1, LEAF_BYTES, 4 * LEAF_BYTES, 4 * LEAF_BYTES + 1, 9 * LEAF_BYTES + 7]) {
    const file = fileOf(size);
    const path = `${receiver.folder}/${size}`;
    await Deno.writeFile(path, concatBytes(...file.leaves));
    assertEquals(await receiver.files.hash(path), { size, digest: file.digest });
  }
});
