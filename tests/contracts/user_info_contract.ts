/** How the file of a table of users is read, added to and watched, on whichever disk. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Clock } from "../../lib/base/machine/clock.ts";
import { utf8 } from "../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { type Disk, writeAll } from "../../lib/store/disk/disk.ts";
import { replaceFile } from "../../lib/store/disk/replacement.ts";
import type { UserInfo } from "../../lib/store/users/user_info.ts";
import {
  addUserInfo,
  readUserInfo,
  UserInfoWatch,
  WATCH_INTERVAL_MS,
} from "../../lib/store/users/user_info_file.ts";
import type { DiskFixture } from "./disk_contract.ts";

const BOB: UserInfo = {
  name: "bob",
  endpoint: { host: "10.0.0.2", port: 5001 },
  fingerprint: null,
};

/** Registers the tests; `run` hands a fixture to each and cleans up after it. */
export function userInfoContract(
  title: string,
  run: (test: (fixture: DiskFixture) => Promise<void>) => Promise<void>,
): void {
  const contract = (name: string, test: (disk: Disk, path: string) => Promise<void>) =>
    Deno.test(`${title}: ${name}`, () =>
      run(({ disk, folder }) => test(disk, `${folder}/users.txt`)));

  contract("addUserInfo() makes the file where there is none", async (disk, path) => {
    const row = await addUserInfo(disk, path, BOB);

    assertEquals(row, { ...BOB, line: 2 });
    assertEquals(
      await textAt(disk, path),
      "# name address port [fingerprint]\nbob 10.0.0.2 5001\n",
    );
  });

  contract("addUserInfo() keeps all that is there, permissions too", async (disk, path) => {
    const before = "\ufeff# ours\r\n\r\nalice\t::1 5001  # me\r\n#end";
    await put(disk, path, before);
    await disk.setMode(path, 0o640);

    const row = await addUserInfo(disk, path, BOB);

    assertEquals(row.line, 5);
    assertEquals(await textAt(disk, path), `${before}\r\nbob 10.0.0.2 5001\r\n`);
    assertEquals((await disk.stat(path))?.mode, 0o640);
    assertEquals(await disk.list(path.slice(0, path.lastIndexOf("/"))), ["users.txt"]);
  });

  contract("addUserInfo() changes nothing where it refuses", async (disk, path) => {
    for (
      const [text, sentence] of [
        [
          "BOB 10.0.0.1 5001\n",
          'Cannot add bob to .*: the name "bob" is that of line 1 \\(BOB\\) already; ' +
          "change that row instead$",
        ],
        ["bob 5001\n", "Cannot read .*, line 1: it must be NAME"],
      ] as const
    ) {
      await put(disk, path, text);
      const error = await assertRejects(() => addUserInfo(disk, path, BOB), P2pchatError);

      assertEquals(error.code, "bad-file");
      assertMatch(error.message, new RegExp(sentence));
      assertEquals(await textAt(disk, path), text);
    }
  });

  contract("addUserInfo() leaves a table that nobody may write", async (disk, path) => {
    await put(disk, path, "alice a 1\n");
    await disk.setMode(path, 0o444);

    const error = await assertRejects(() => addUserInfo(disk, path, BOB), P2pchatError);

    assertEquals(error.code, "disk");
    assertMatch(
      error.message,
      /^Cannot write .*users\.txt: it is read-only; allow writing \(chmod u\+w/,
    );
    assertEquals(await textAt(disk, path), "alice a 1\n");
    assertEquals(await disk.list(path.slice(0, path.lastIndexOf("/"))), ["users.txt"]);
  });

  contract(
    "a file that isn't there, and a folder in its place, are bad files",
    async (disk, path) => {
      const missing = await assertRejects(() => readUserInfo(disk, path), P2pchatError);
      await disk.makeFolder(path);
      const folder = await assertRejects(() => readUserInfo(disk, path), P2pchatError);
      const added = await assertRejects(() => addUserInfo(disk, path, BOB), P2pchatError);

      assertEquals([missing.code, folder.code, added.code], ["bad-file", "bad-file", "bad-file"]);
      assertMatch(missing.message, /there is no such file; .* p2pchat users add .*users\.txt NAME/);
      assertMatch(folder.message, /it is a folder; name the file/);
    },
  );

  contract("a file that is too large is a bad one", async (disk, path) => {
    await put(disk, path, "#".repeat(1_048_576));
    assertEquals((await readUserInfo(disk, path)).length, 1_048_576);
    await put(disk, path, "#".repeat(1_048_577));

    const error = await assertRejects(
      () => readUserInfo(disk, path),
      P2pchatError,
      "1048576 bytes",
    );

    assertEquals(error.code, "bad-file");
  });

  contract("a folder that isn't there can't be written to", async (disk, path) => {
    const inNoFolder = path.replace("users.txt", "none/users.txt");
    const error = await assertRejects(() => addUserInfo(disk, inNoFolder, BOB), P2pchatError);

    assertEquals(error.code, "disk");
    assertMatch(error.message, /Cannot write .*none\/users\.txt: No such file.*; check the path/);
  });

  contract(
    "a watch tells of an edit, however it was saved, once it is at rest",
    async (disk, path) => {
      await put(disk, path, "alice a 1\n");
      await using watched = await Watched.begin(disk, path);
      await watched.looks(3);
      assertEquals(watched.told, [], "what was read before is no change");

      await put(disk, path, "bob b 1\n");
      await watched.looks(1);
      assertEquals(watched.told, [], "it may not be complete yet");
      await watched.looks(2);
      assertEquals(watched.told, ["bob"]);

      await replaceFile(disk, path, utf8("eve e 2\n"));
      await watched.looks(4);
      assertEquals(watched.told, ["bob", "eve"]);
    },
  );

  contract("a watch waits for the end of a file written in parts", async (disk, path) => {
    await put(disk, path, "alice a 1\n");
    await using watched = await Watched.begin(disk, path);
    await watched.looks(2);
    for (const text of ["bo", "bob b", "bob b 1\neve e"]) {
      await put(disk, path, text);
      await watched.looks(1);
    }
    await put(disk, path, "bob b 1\neve e 1\n");
    await watched.looks(3);

    assertEquals(watched.told, ["bob eve"]);
  });

  contract("a watch tells of a broken edit once, and of its end", async (disk, path) => {
    await put(disk, path, "alice a 1\n");
    await using watched = await Watched.begin(disk, path);
    await watched.looks(2);
    await put(disk, path, "alice a\n");
    await watched.looks(3);
    await replaceFile(disk, path, utf8("alice a\n"));
    await watched.looks(3);
    assertEquals(watched.told.length, 1, "the same content again");
    await put(disk, path, "alice a\n\n");
    await watched.looks(3);
    assertEquals(watched.told.length, 2, "the same fault in another content");
    await put(disk, path, "alice a 1\n");
    await watched.looks(3);

    assertMatch(watched.told[0]!, /^bad-file: Cannot read .*users\.txt, line 1: it must be NAME/);
    assertEquals(watched.told.slice(1), [watched.told[0]!, "alice"]);
  });

  contract("a watch takes a removed file for a broken edit", async (disk, path) => {
    await put(disk, path, "alice a 1\n");
    await using watched = await Watched.begin(disk, path);
    await watched.looks(2);
    await disk.remove(path);
    await watched.looks(1);
    assertEquals(watched.told, [], "an editor may be about to put another in its place");
    await watched.looks(3);
    await put(disk, path, "alice a 1\n");
    await watched.looks(3);

    assertEquals(watched.told.length, 2);
    assertMatch(watched.told[0]!, /^bad-file: Cannot read .*: there is no such file; /);
    assertEquals(watched.told[1], "alice");
  });

  contract("a watch sees what happened between reading and its beginning", async (disk, path) => {
    await put(disk, path, "alice a 1\n");
    await using watched = await Watched.begin(disk, path, utf8("alice b 2\n"));
    await watched.looks(2);

    assertEquals(watched.told, ["alice"]);
  });

  contract("a closed watch looks no more", async (disk, path) => {
    await put(disk, path, "alice a 1\n");
    const watched = await Watched.begin(disk, path);
    await watched.looks(2);
    watched.watch.close();

    assert(!watched.clock.isArmed);
  });
}

/** A watch, and what it told: the names of the rows, or the error. */
export class Watched implements AsyncDisposable {
  readonly told: string[] = [];
  readonly clock = new ManualClock();
  readonly watch: UserInfoWatch;

  private constructor(disk: Disk, path: string, bytes: Uint8Array) {
    this.watch = new UserInfoWatch(disk, path, bytes, this.clock, {
      changed: (rows) => this.told.push(rows.map(({ name }) => name).join(" ")),
      broken: ({ code, message }) => this.told.push(`${code}: ${message}`),
    });
  }

  static async begin(disk: Disk, path: string, bytes?: Uint8Array): Promise<Watched> {
    return new Watched(disk, path, bytes ?? await readUserInfo(disk, path));
  }

  /** Lets it look so many times. */
  async looks(count: number): Promise<void> {
    for (let look = 0; look < count; look++) await this.clock.ring();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.watch.close();
    return Promise.resolve();
  }
}

/** Time that passes when a test says so: to the one timer that is set. */
class ManualClock implements Clock {
  #nowMs = 0;
  #timer: { readonly atMs: number; readonly callback: () => void } | null = null;
  #armed = Promise.withResolvers<void>();

  get isArmed(): boolean {
    return this.#timer !== null;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  at(atMs: number, callback: () => void): { cancel(): void } {
    assertEquals(atMs, this.#nowMs + WATCH_INTERVAL_MS);
    const timer = { atMs, callback };
    this.#timer = timer;
    this.#armed.resolve();
    return {
      cancel: () => {
        if (this.#timer === timer) this.#timer = null;
      },
    };
  }

  /** Rings, and waits until the next timer is set: all that the last one began has ended then. */
  async ring(): Promise<void> {
    const timer = this.#timer;
    assert(timer !== null, "something is waiting");
    this.#timer = null;
    this.#armed = Promise.withResolvers();
    this.#nowMs = timer.atMs;
    timer.callback();
    await this.#armed.promise;
  }
}

/** Writes a file in place, as some editors do. */
async function put(disk: Disk, path: string, text: string): Promise<void> {
  const file = await disk.openAppend(path, { empty: true });
  writeAll(file, utf8(text));
  file.close();
}

async function textAt(disk: Disk, path: string): Promise<string> {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode((await disk.read(path))!);
}
