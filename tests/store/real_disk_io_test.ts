import { assertEquals } from "@std/assert";
import { RealDisk } from "../../lib/store/real_disk.ts";
import { appendLogContract } from "../contracts/append_log_contract.ts";
import { diskContract, type DiskFixture } from "../contracts/disk_contract.ts";
import { userInfoContract } from "../contracts/user_info_contract.ts";

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

Deno.test("RealDisk: stat() tells a device from a file", async () => {
  assertEquals((await new RealDisk().stat("/dev/null"))?.kind, "other");
});
