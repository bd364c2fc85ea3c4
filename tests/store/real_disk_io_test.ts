import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { RealDisk } from "../../lib/store/real_disk.ts";
import { accountsContract } from "../contracts/accounts_contract.ts";
import { appendLogContract } from "../contracts/append_log_contract.ts";
import { diskContract, type DiskFixture } from "../contracts/disk_contract.ts";
import { userInfoContract } from "../contracts/user_info_contract.ts";
import { accountsOn } from "./accounts_files.ts";

async function onRealDisk(test: (fixture: DiskFixture) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-disk-" });
  try {
    await test({ disk: new RealDisk(), folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

diskContract("RealDisk", onRealDisk);
appendLogContract("AppendLog on RealDisk", onRealDisk);
userInfoContract("table of users on RealDisk", onRealDisk);
accountsContract(
  "AccountsFile on RealDisk",
  (test) =>
    onRealDisk(async ({ disk, folder }) => test(await accountsOn(disk, `${folder}/regserver`))),
);

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

Deno.test("RealDisk: a device isn't read, which may have no end", async () => {
  const disk = new RealDisk();
  const reads = [() => disk.read("/dev/null"), () => Array.fromAsync(disk.readChunks("/dev/null"))];
  for (const read of reads) {
    await assertRejects(read, P2pchatError, "it is a pipe or a device where a file belongs");
  }
});
