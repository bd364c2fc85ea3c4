import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { AppendFile, OpenOptions } from "../../../lib/store/disk/disk.ts";
import { AppendLog } from "../../../lib/store/log/append_log.ts";
import { replaceFile } from "../../../lib/store/disk/replacement.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { AccountsFile } from "../../../lib/store/accounts/accounts_file.ts";
import { SYSTEM_LINK_CLOCK } from "../../../lib/transport/system_clock.ts";
import { accountOf, accountsContract } from "../../contracts/accounts_contract.ts";
import { appendLogContract } from "../../contracts/append_log_contract.ts";
import { diskContract, type DiskFixture } from "../../contracts/disk_contract.ts";
import { userInfoContract } from "../../contracts/user_info_contract.ts";
import { addUserInfo } from "../../../lib/store/users/user_info_file.ts";
import { accountsOn } from "../accounts_files.ts";
import { TemporaryFolder } from "../../temporary_folder.ts";

async function onRealDisk(test: (fixture: DiskFixture) => Promise<void>): Promise<void> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-disk-" });
  const folder = temporary.path;
  await test({ disk: new RealDisk(), folder });
}

diskContract("RealDisk", onRealDisk);
appendLogContract("AppendLog on RealDisk", onRealDisk);
userInfoContract("table of users on RealDisk", onRealDisk);
accountsContract(
  "AccountsFile on RealDisk",
  (test) =>
    onRealDisk(async ({ disk, folder }) => test(await accountsOn(disk, `${folder}/regserver`))),
);

const BOB = { name: "bob", endpoint: { host: "b", port: 2 }, fingerprint: null };

Deno.test({
  name: "RealDisk: a table that root adds a row to keeps group and mode, and another user's stays",
  ignore: Deno.uid() !== 0,
  fn: () =>
    onRealDisk(async ({ disk, folder }) => {
      const path = `${folder}/users.txt`;
      await Deno.writeTextFile(path, "alice a 1\n");
      await Deno.chmod(path, 0o664);
      await Deno.chown(path, null, 12_346);

      await addUserInfo(disk, path, BOB);

      const { uid, gid, mode } = await Deno.stat(path);
      assertEquals([uid, gid, mode! & 0o777], [0, 12_346, 0o664]);
      assertEquals(await Deno.readTextFile(path), "alice a 1\nbob b 2\n");

      await Deno.writeTextFile(path, "alice a 1\n");
      await Deno.chown(path, 12_345, null);
      const error = await assertRejects(() => addUserInfo(disk, path, BOB), P2pchatError);
      assertEquals(error.code, "not-allowed");
      assertEquals(await Deno.readTextFile(path), "alice a 1\n");
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["users.txt"]);
    }),
});

/** Makes links in place of the new files that are opened, as whoever else may write in the folder can. */
class SwappedDisk extends RealDisk {
  constructor(readonly own: string, readonly isMoment: (call: "open" | "sync") => boolean) {
    super();
  }

  override async openAppend(path: string, options?: OpenOptions): Promise<AppendFile> {
    const file = await super.openAppend(path, options);
    const swap = () => {
      Deno.renameSync(path, `${path}.away`);
      Deno.symlinkSync(this.own, path);
    };
    if (this.isMoment("open")) swap();
    const syncData = file.syncData.bind(file);
    file.syncData = async () => {
      await syncData();
      if (this.isMoment("sync")) swap();
    };
    return file;
  }
}

for (const moment of ["open", "sync"] as const) {
  Deno.test(`RealDisk: a link in place of a new table is refused, made after the ${moment}`, async () => {
    await withLinks([], async (folder) => {
      const own = `${folder}/../own`;
      await Deno.chmod(own, 0o600);
      await Deno.writeTextFile(`${folder}/users.txt`, "alice a 1\n");
      await Deno.chmod(`${folder}/users.txt`, 0o664);
      const disk = new SwappedDisk(own, (call) => call === moment);

      const error = await assertRejects(
        () => addUserInfo(disk, `${folder}/users.txt`, BOB),
        P2pchatError,
      );

      assertEquals(error.code, "disk");
      assertMatch(
        error.message,
        /^Cannot write .*users\.txt\.new-[0-9a-f]*: it was removed or replaced while/,
      );
      assertEquals((await Deno.stat(own)).mode! & 0o777, 0o600);
      assertEquals(await Deno.readTextFile(`${folder}/users.txt`), "alice a 1\n");
      assertEquals((await Deno.lstat(`${folder}/users.txt`)).isSymlink, false);
    });
  });
}

/** Another's folder, in which links lie in wait: each leads to a file of the user's, which stays as it is. */
async function withLinks(
  names: readonly string[],
  test: (folder: string) => Promise<void>,
): Promise<void> {
  await onRealDisk(async ({ folder }) => {
    const [own, others] = [`${folder}/own`, `${folder}/others`];
    await Deno.mkdir(others);
    await Deno.writeTextFile(own, "precious");
    for (const name of names) await Deno.symlink(own, `${others}/${name}`);
    await test(others);
    assertEquals(await Deno.readTextFile(own), "precious");
  });
}

Deno.test("RealDisk: links are found at any depth, and not followed", async () => {
  await withLinks(["to-a-file"], async (folder) => {
    await Deno.mkdir(`${folder}/deep/deeper`, { recursive: true });
    await Deno.symlink(folder, `${folder}/deep/deeper/to-a-folder`);
    await Deno.symlink("nowhere", `${folder}/deep/dangling`);
    assertEquals(await new RealDisk().othersBelow(folder), [
      `${folder}/deep/dangling`,
      `${folder}/deep/deeper/to-a-folder`,
      `${folder}/to-a-file`,
    ]);
  });
});

Deno.test({
  name: "RealDisk: what belongs to other users is found at any depth, and not looked into",
  ignore: Deno.uid() !== 0,
  fn: () =>
    onRealDisk(async ({ disk, folder }) => {
      await Deno.mkdir(`${folder}/deep/theirs/inside`, { recursive: true });
      for (const name of ["own", "deep/file", "deep/theirs/file"]) {
        await Deno.writeTextFile(`${folder}/${name}`, "");
      }
      for (const name of ["deep/file", "deep/theirs", "deep/theirs/file"]) {
        await Deno.chown(`${folder}/${name}`, 12_002, 12_002);
      }
      assertEquals(await disk.othersBelow(folder), [
        `${folder}/deep/file`,
        `${folder}/deep/theirs`,
      ]);
    }),
});

Deno.test("RealDisk: a lock isn't taken through a link, nor by a file that is no lock", async () => {
  await withLinks(["lock"], async (folder) => {
    const disk = new RealDisk();
    const link = await assertRejects(() => disk.tryLock(`${folder}/lock`, "1\n"), P2pchatError);
    const advice =
      "it is a symbolic link; remove it, and the program makes a file of its own there";
    assertEquals(link.message.includes(advice), true, link.message);
    await Deno.link(`${folder}/../own`, `${folder}/hard`);
    const hard = await assertRejects(() => disk.tryLock(`${folder}/hard`, "1\n"), P2pchatError);
    assertEquals(hard.message.includes("it is no lock file"), true, hard.message);
    await Deno.symlink(`${folder}/nowhere`, `${folder}/dangling`);
    const dangling = `${folder}/dangling`;
    await assertRejects(() => disk.tryLock(dangling, "1\n"), P2pchatError, advice);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).includes("nowhere"), false);
  });
});

Deno.test("RealDisk: a lock that was held before is taken again, and says who has it", async () => {
  await onRealDisk(async ({ disk, folder }) => {
    for (const holder of ["12345\n", "7\n"]) {
      const lock = await disk.tryLock(`${folder}/lock`, holder);
      assertEquals(await Deno.readTextFile(`${folder}/lock`), holder);
      if ("release" in lock) lock.release();
    }
  });
});

Deno.test("RealDisk: nothing is appended through a link, and no replacement written through one", async () => {
  await withLinks(["log", "table.new"], async (folder) => {
    const disk = new RealDisk();
    const error = await assertRejects(() => disk.openAppend(`${folder}/log`), P2pchatError);
    assertEquals(error.message.includes("it is a symbolic link"), true, error.message);
    await replaceFile(disk, `${folder}/table`, new TextEncoder().encode("new"));
    assertEquals(await Deno.readTextFile(`${folder}/table`), "new");
    assertEquals((await Deno.lstat(`${folder}/table`)).isSymlink, false);
  });
});

Deno.test("RealDisk: accounts elsewhere are replaced through no link, and the link stays", async () => {
  await withLinks(["team.csv.new"], async (folder) => {
    const options = { writer: "1", clock: SYSTEM_LINK_CLOCK, path: `${folder}/team.csv` };
    const { accounts } = await AccountsFile.open(new RealDisk(), `${folder}/data`, options);
    await accounts.signUp(accountOf("bob"));
    await accounts.remove(accountOf("bob"));

    assertEquals((await Deno.lstat(`${folder}/team.csv.new`)).isSymlink, true);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names, ["data", "team.csv", "team.csv.new"]);
  });
});

Deno.test("RealDisk: a link that came in a file's place is neither written through, nor opened to others", async () => {
  await withLinks(["mode"], async (folder) => {
    const [disk, path, own] = [new RealDisk(), `${folder}/log`, `${folder}/../own`];
    await Deno.chmod(own, 0o600);
    const file = await disk.openAppend(path);
    await Deno.remove(path);
    await Deno.symlink(own, path);
    // As when the link comes after the look at what is there.
    file.isInPlace = () => true;
    assertThrows(() => file.overwrite(0, new TextEncoder().encode("XXXX")), P2pchatError);
    assertThrows(() => file.allowLike(own), P2pchatError);
    file.close();

    const error = await assertRejects(() => disk.setMode(`${folder}/mode`, 0o666), P2pchatError);

    assertEquals(
      [error.code, error.message],
      [
        "disk",
        `Cannot set the mode of ${folder}/mode: it is a symbolic link; put the file itself there`,
      ],
    );
    assertEquals((await Deno.stat(own)).mode! & 0o777, 0o600);
  });
});

Deno.test({
  name: "RealDisk: a folder whose file system has no sync of folders is used all the same",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using folder = Deno.openSync("/proc"); // one of those
    assertThrows(() => folder.syncSync(), Error, "Invalid argument");
    await new RealDisk().syncFolder("/proc");
    await assertRejects(() => new RealDisk().syncFolder("/proc/none"), P2pchatError);
  },
});

Deno.test("RealDisk: stat() tells a device from a file", async () => {
  assertEquals((await new RealDisk().stat("/dev/null"))?.kind, "other");
});

Deno.test("RealDisk: a pipe isn't read, whoever writes to it", async () => {
  await onRealDisk(async ({ disk, folder }) => {
    const path = `${folder}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const writer = () => new Deno.Command("sh", { args: ["-c", `echo text > ${path}`] }).spawn();
    const reads = [() => disk.read(path), () => Array.fromAsync(disk.readChunks(path))];
    for (const read of reads) {
      await using child = writer();
      await assertRejects(read, P2pchatError, "it is a pipe or a device where a file belongs");
      child.kill("SIGKILL");
    }
  });
});

Deno.test("RealDisk: a pipe is no lock, and nothing is appended to it: both would wait for its other end", async () => {
  await onRealDisk(async ({ disk, folder }) => {
    const path = `${folder}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const text = "it is a pipe or a device where a file belongs";

    await assertRejects(() => disk.openAppend(path), P2pchatError, text);
    await assertRejects(() => disk.tryLock(path, "1"), P2pchatError, text);
  });
});

Deno.test("RealDisk: a device isn't read, which may have no end", async () => {
  const disk = new RealDisk();
  const reads = [() => disk.read("/dev/null"), () => Array.fromAsync(disk.readChunks("/dev/null"))];
  for (const read of reads) {
    await assertRejects(read, P2pchatError, "it is a pipe or a device where a file belongs");
  }
});

Deno.test("RealDisk: whether an open file is in its place is looked at once a second", async () => {
  let nowMs = 0;
  const disk = new RealDisk(() => nowMs);
  await onRealDisk(async ({ folder }) => {
    const file = await disk.openAppend(`${folder}/a`);
    file.checkPlace();
    await disk.remove(`${folder}/a`);
    nowMs = 999;
    file.checkPlace();
    nowMs = 1_000;

    for (let time = 0; time < 2; time++) {
      assertThrows(() => file.checkPlace(), P2pchatError, "removed or replaced");
    }
    file.close();
  });
});

Deno.test("AppendLog on RealDisk: without its folder nothing is kept, and once it is there all is", async () => {
  await onRealDisk(async ({ disk, folder }) => {
    const [path, format] = [`${folder}/room/log`, { format: "test", version: 1 }];
    const record = (n: number) => ({ kind: "n", fields: [`${n}`] });
    await disk.makeFolder(`${folder}/room`);
    const { log } = await AppendLog.open(disk, path, format);
    await log.append([record(1)], { sync: false });
    await Deno.remove(`${folder}/room`, { recursive: true });

    await assertRejects(
      () => log.append([record(7)]),
      P2pchatError,
      "see that its folder is there",
    );
    await assertRejects(() => log.append([record(8)]), P2pchatError, "it is gone");
    await disk.makeFolder(`${folder}/room`);
    await log.append([record(2)]);
    await log.close();

    const { log: again, records } = await AppendLog.open(disk, path, format);
    await again.close();
    assertEquals(records, [record(1), record(2)]);
  });
});

Deno.test("AppendLog on RealDisk: who closes it a moment after its file was removed has it put back", async () => {
  await onRealDisk(async ({ folder }) => {
    const disk = new RealDisk(() => 0); // looked at a moment ago, always
    const [path, format] = [`${folder}/log`, { format: "test", version: 1 }];
    const record = { kind: "n", fields: ["1"] };
    const { log } = await AppendLog.open(disk, path, format);
    await log.append([record]);
    await disk.remove(path);
    await assertRejects(() => log.close(), P2pchatError, "it was removed or replaced");

    const { log: again, records } = await AppendLog.open(disk, path, format);
    await again.close();
    assertEquals(records, [record]);
  });
});

Deno.test("RealDisk goes on where the file system has no sync of folders, and where it fails it doesn't", async () => {
  const { openSync } = Deno;
  const failing = (code: string) => () =>
    ({
      sync: () => Promise.reject(Object.assign(new Error(code), { code })),
      close() {},
    }) as unknown as Deno.FsFile;
  try {
    for (const code of ["EINVAL", "ENOTSUP", "EOPNOTSUPP"]) {
      Deno.openSync = failing(code);
      await new RealDisk().syncFolder("folder");
    }
    Deno.openSync = failing("EPERM");
    await assertRejects(() => new RealDisk().syncFolder("folder"), P2pchatError, "sync folder");
  } finally {
    Deno.openSync = openSync;
  }
});
