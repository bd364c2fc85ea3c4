import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { groupStoreContract } from "../../contracts/group_store_contract.ts";
import { TemporaryFolder } from "../../temporary_folder.ts";

groupStoreContract("group store on RealDisk", async (test) => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-group-store-" });
  const folder = temporary.path;
  await test({ disk: new RealDisk(), folder });
});
