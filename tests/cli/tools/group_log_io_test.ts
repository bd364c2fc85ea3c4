import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { groupLogContract } from "../../contracts/group_log_contract.ts";
import { TemporaryFolder } from "../../temporary_folder.ts";

groupLogContract("GroupLog on RealDisk", async (test) => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-group-log-" });
  const folder = temporary.path;
  await test({ disk: new RealDisk(), folder });
});
