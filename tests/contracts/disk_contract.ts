/** What every `Disk` does, whichever it is. Power cuts are the business of `memory_disk_test.ts`. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { type AppendFile, type Disk, isSameFile, writeAll } from "../../lib/store/disk/disk.ts";
import { replaceFile } from "../../lib/store/disk/replacement.ts";

/** A disk and an empty folder on it. */
export interface DiskFixture {
  readonly disk: Disk;
  readonly folder: string;
}

/** Registers the tests; `run` hands a fixture to each and cleans up after it. */
export function diskContract(
  title: string,
  run: (test: (fixture: DiskFixture) => Promise<void>) => Promise<void>,
): void {
  const contract = (name: string, test: (fixture: DiskFixture) => Promise<void>) =>
    Deno.test(`${title}: ${name}`, () => run(test));

  contract("openAppend() makes a file that only its owner can read", async ({ disk, folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    file.close();

    assertEquals(await disk.stat(`${folder}/a`), {
      kind: "file",
      bytes: 0,
      mode: 0o600,
      otherUser: null,
    });
  });

  contract("version() is another after each change, null for nothing", async (fixture) => {
    const { disk, folder } = fixture;
    const path = `${folder}/a`;
    const versions = [await disk.version(path)];
    for (const text of ["one", "three", "two"]) {
      await replaceFile(disk, path, bytesOf(text));
      versions.push(await disk.version(path));
    }
    await put(disk, path, ", in place");
    versions.push(await disk.version(path));

    assertEquals(versions[0], null);
    for (const [at, version] of versions.entries()) {
      assert(at === 0 || version !== versions[at - 1], `change ${at} of ${versions}`);
    }
    assertEquals(await disk.version(path), versions.at(-1));
  });

  contract(
    "version() tells a file written in place from one that was replaced",
    async (fixture) => {
      const { disk, folder } = fixture;
      const path = `${folder}/a`;
      const versions = [await disk.version(path)];
      await put(disk, path, "one");
      versions.push(await disk.version(path));
      const file = await disk.openAppend(path, { empty: true });
      writeAll(file, bytesOf("another"));
      file.close();
      versions.push(await disk.version(path));
      await replaceFile(disk, path, bytesOf("two"));
      versions.push(await disk.version(path));

      const same = versions.slice(1).map((version, at) => isSameFile(versions[at]!, version));
      assertEquals(same, [false, true, false]);
    },
  );

  contract("version() tells a file from a removed one whose number it was given", async (at) => {
    const path = `${at.folder}/a`;
    const versions: (string | null)[] = [];
    for (const text of ["one", "two", "three", "four"]) {
      await replaceFile(at.disk, path, bytesOf(text));
      versions.push(await at.disk.version(path));
      await new Promise((resolve) => setTimeout(resolve, 20)); // more than a tick of its clock
    }

    const [first, ...others] = versions;
    assertEquals(others.map((version) => isSameFile(first!, version)), [false, false, false]);
  });

  contract("write() adds to the end of what is there", async ({ disk, folder }) => {
    await put(disk, `${folder}/a`, "one ");
    const file = await disk.openAppend(`${folder}/a`);
    writeAll(file, bytesOf("two"));
    await file.syncData();
    file.close();

    assertEquals(await textAt(disk, `${folder}/a`), "one two");
  });

  contract("openAppend() empties the file where asked to", async ({ disk, folder }) => {
    await put(disk, `${folder}/a`, "old");
    const file = await disk.openAppend(`${folder}/a`, { empty: true });
    writeAll(file, bytesOf("new"));
    file.close();

    assertEquals(await textAt(disk, `${folder}/a`), "new");
  });

  contract("openAppend() makes no new file where there is one", async ({ disk, folder }) => {
    const path = `${folder}/a`;
    (await disk.openAppend(path, { isNew: true })).close();
    await put(disk, path, "old");

    await assertRejects(() => disk.openAppend(path, { isNew: true }), P2pchatError);

    assertEquals(await textAt(disk, path), "old");
  });

  contract("truncate() cuts, and the next write follows", async ({ disk, folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    writeAll(file, bytesOf("abcdef"));
    file.truncate(2);
    writeAll(file, bytesOf("X"));
    file.close();

    assertEquals(await textAt(disk, `${folder}/a`), "abX");
  });

  contract("write() is possible while a sync is under way", async ({ disk, folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    writeAll(file, bytesOf("one "));
    const synced = file.syncData();
    writeAll(file, bytesOf("two"));
    await synced;
    file.close();

    assertEquals(await textAt(disk, `${folder}/a`), "one two");
  });

  contract("close() a second time does nothing", async ({ disk, folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    file.close();
    file.close();
  });

  contract("a missing file is null, no chunks, nothing to remove", async ({ disk, folder }) => {
    assertEquals(await disk.stat(`${folder}/none`), null);
    assertEquals(await disk.read(`${folder}/none`), null);
    assertEquals(await chunksAt(disk, `${folder}/none`, 4), []);
    assertEquals(await disk.list(`${folder}/none`), []);
    await disk.remove(`${folder}/none`);
  });

  contract("readChunks() gives all bytes in order", async ({ disk, folder }) => {
    await put(disk, `${folder}/a`, "0123456789");

    const chunks = await chunksAt(disk, `${folder}/a`, 4);

    assertEquals(chunks.join(""), "0123456789");
    assertEquals(Math.max(...chunks.map((chunk) => chunk.length)) <= 4, true);
    assertEquals((await chunksAt(disk, `${folder}/a`, 4, 3)).join(""), "3456789");
    assertEquals(await chunksAt(disk, `${folder}/a`, 4, 10), []);
  });

  contract("overwrite() writes over what is there", async ({ disk, folder }) => {
    await put(disk, `${folder}/a`, "0123456789");
    const file = await disk.openAppend(`${folder}/a`);
    file.overwrite(3, bytesOf("xyz"));
    writeAll(file, bytesOf("!"));
    file.close();

    assertEquals(await textAt(disk, `${folder}/a`), "012xyz6789!");
  });

  contract("overwrite() writes over no other file of that name", async ({ disk, folder }) => {
    for (const name of ["a", "b"]) await put(disk, `${folder}/${name}`, "0123456789");
    const file = await disk.openAppend(`${folder}/a`);
    await disk.rename(`${folder}/b`, `${folder}/a`);
    const error = assertThrows(() => file.overwrite(3, bytesOf("xyz")), P2pchatError);
    file.close();

    assertEquals(error.code, "disk");
    assertEquals(await textAt(disk, `${folder}/a`), "0123456789");
  });

  contract("rename() replaces the file of that name", async ({ disk, folder }) => {
    await put(disk, `${folder}/old`, "old");
    await put(disk, `${folder}/new`, "new");
    await disk.rename(`${folder}/new`, `${folder}/old`);
    await disk.syncFolder(folder);

    assertEquals(await textAt(disk, `${folder}/old`), "new");
    assertEquals(await disk.list(folder), ["old"]);
  });

  contract("a renamed file is still written by who has it open", async ({ disk, folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    writeAll(file, bytesOf("1"));
    await disk.rename(`${folder}/a`, `${folder}/b`);
    writeAll(file, bytesOf("2"));
    file.close();

    assertEquals(await textAt(disk, `${folder}/b`), "12");
  });

  contract("checkPlace() refuses a file whose path leads elsewhere", async ({ disk, folder }) => {
    const [path, other] = [`${folder}/a`, `${folder}/b`];
    for (const lose of [() => disk.remove(path), () => disk.rename(other, path)]) {
      const [file, another] = [await disk.openAppend(path), await disk.openAppend(other)];
      another.checkPlace();
      await lose();
      const error = assertThrows(() => file.checkPlace(), P2pchatError, path);
      file.close();
      another.close();

      assertEquals(error.code, "disk");
    }
  });

  contract("an open file is read and written where its path is gone", async ({ disk, folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    writeAll(file, bytesOf("one "));
    await disk.remove(`${folder}/a`);
    let text = "";
    for await (const chunk of file.readChunks()) text += new TextDecoder().decode(chunk);
    writeAll(file, bytesOf("two"));
    for await (const chunk of file.readChunks()) text += new TextDecoder().decode(chunk);
    file.close();

    assertEquals(text, "one one two");
  });

  contract("a part of an open file is read, in chunks", async ({ disk, folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    writeAll(file, bytesOf("one two three"));
    const chunks: string[] = [];
    for await (const chunk of file.readChunks({ from: 4, chunkBytes: 5 })) {
      chunks.push(new TextDecoder().decode(chunk));
    }
    file.close();

    assertEquals(chunks, ["two t", "hree"]);
  });

  contract("isInPlace() looks at each call", async ({ disk, folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    const before = file.isInPlace();
    await disk.remove(`${folder}/a`);
    const after = file.isInPlace();
    file.close();

    assertEquals([before, after], [true, false]);
  });

  contract("allowLike() gives an open file another's mode, and no other file", async (fixture) => {
    const { disk, folder } = fixture;
    for (const name of ["model", "other"]) await put(disk, `${folder}/${name}`, "");
    await disk.setMode(`${folder}/model`, 0o664);
    const file = await disk.openAppend(`${folder}/a`, { isNew: true });

    file.allowLike(`${folder}/model`);
    assertEquals((await disk.stat(`${folder}/a`))?.mode, 0o664);
    assertThrows(() => file.allowLike(`${folder}/none`), P2pchatError);
    await disk.rename(`${folder}/other`, `${folder}/a`);
    const error = assertThrows(() => file.allowLike(`${folder}/model`), P2pchatError);

    assertEquals(error.code, "disk");
    assertEquals((await disk.stat(`${folder}/a`))?.mode, 0o600);
    file.close();
  });

  contract("makeFolder() makes private folders all the way", async ({ disk, folder }) => {
    await disk.makeFolder(`${folder}/x/y`);
    await disk.makeFolder(`${folder}/x/y`);
    await put(disk, `${folder}/x/y/a`, "1");

    assertEquals(await disk.stat(`${folder}/x`), {
      kind: "folder",
      bytes: 0,
      mode: 0o700,
      otherUser: null,
    });
    assertEquals(await disk.stat(`${folder}/x/y`), {
      kind: "folder",
      bytes: 0,
      mode: 0o700,
      otherUser: null,
    });
    assertEquals(await disk.list(folder), ["x"]);
    assertEquals(await disk.list(`${folder}/x`), ["y"]);
  });

  contract("removeFolder() removes an empty folder, and no other", async ({ disk, folder }) => {
    await disk.makeFolder(`${folder}/empty`);
    await disk.makeFolder(`${folder}/full`);
    await put(disk, `${folder}/full/a`, "1");

    await disk.removeFolder(`${folder}/empty`);
    await disk.removeFolder(`${folder}/none`);
    for (const path of ["full", "full/a"]) {
      const error = await assertRejects(() => disk.removeFolder(`${folder}/${path}`), P2pchatError);
      assertEquals(error.code, "disk");
    }

    assertEquals(await disk.list(folder), ["full"]);
    assertEquals(await disk.list(`${folder}/full`), ["a"]);
  });

  contract("remove() removes, list() is sorted", async ({ disk, folder }) => {
    for (const name of ["b", "a", "B", "c"]) await put(disk, `${folder}/${name}`, "");
    await disk.remove(`${folder}/c`);

    assertEquals(await disk.list(folder), ["B", "a", "b"]);
  });

  contract("setMode() sets the mode", async ({ disk, folder }) => {
    await put(disk, `${folder}/a`, "");
    await disk.makeFolder(`${folder}/b`);
    await disk.setMode(`${folder}/a`, 0o400);
    await disk.setMode(`${folder}/b`, 0o750);

    assertEquals((await disk.stat(`${folder}/a`))?.mode, 0o400);
    assertEquals((await disk.stat(`${folder}/b`))?.mode, 0o750);
    assertEquals(await disk.isLink(`${folder}/a`), false);
    assertEquals(await disk.isLink(`${folder}/none`), false);
    assertEquals(await disk.othersBelow(folder), []);
    assertEquals(await disk.othersBelow(`${folder}/none`), []);
  });

  contract("a failure is `disk` and names the path", async ({ disk, folder }) => {
    await put(disk, `${folder}/file`, "");
    const failures = [
      () => disk.openAppend(`${folder}/none/a`),
      () => disk.openAppend(folder),
      () => disk.read(folder),
      () => disk.rename(`${folder}/none`, `${folder}/a`),
      () => disk.list(`${folder}/file`),
      () => disk.makeFolder(`${folder}/file`),
      () => disk.syncFolder(`${folder}/none`),
      () => disk.setMode(`${folder}/none`, 0o600),
    ];
    for (const failure of failures) {
      const error = await assertRejects(async () => void await failure(), P2pchatError, folder);
      assertEquals(error.code, "disk");
    }
  });

  contract("tryLock() refuses the second one, and lets go", async ({ disk, folder }) => {
    const first = await disk.tryLock(`${folder}/lock`, "17\n");
    assertEquals("release" in first, true);

    assertEquals(await disk.tryLock(`${folder}/lock`, "18\n"), { heldBy: "17\n" });
    if ("release" in first) first.release();
    const third = await disk.tryLock(`${folder}/lock`, "19\n");
    assertEquals("release" in third, true);
    if ("release" in third) third.release();
  });

  contract("a lock whose file was removed isn't in place, and another may be", async (at) => {
    const path = `${at.folder}/lock`;
    const first = await at.disk.tryLock(path, "17\n");
    assert("release" in first);
    const before = first.isInPlace();
    await at.disk.remove(path);
    const removed = first.isInPlace();
    const second = await at.disk.tryLock(path, "18\n");
    assert("release" in second);
    const places = [before, removed, first.isInPlace(), second.isInPlace()];
    first.release();
    const refused = await at.disk.tryLock(path, "19\n");
    second.release();

    assertEquals(places, [true, false, false, true]);
    assertEquals(refused, { heldBy: "18\n" });
  });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function put(disk: Disk, path: string, text: string): Promise<void> {
  const file: AppendFile = await disk.openAppend(path);
  writeAll(file, bytesOf(text));
  await file.syncData();
  file.close();
}

async function textAt(disk: Disk, path: string): Promise<string | null> {
  const bytes = await disk.read(path);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

async function chunksAt(
  disk: Disk,
  path: string,
  chunkBytes: number,
  from = 0,
): Promise<readonly string[]> {
  const chunks: string[] = [];
  for await (const chunk of disk.readChunks(path, { from, chunkBytes })) {
    chunks.push(new TextDecoder().decode(chunk));
  }
  return chunks;
}
