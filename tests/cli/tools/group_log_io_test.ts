import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { groupLogContract } from "../../contracts/group_log_contract.ts";

groupLogContract("GroupLog on RealDisk", async (test) => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-group-log-" });
  try {
    await test({ disk: new RealDisk(), folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
