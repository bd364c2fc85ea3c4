import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { groupStoreContract } from "../../contracts/group_store_contract.ts";

groupStoreContract("group store on RealDisk", async (test) => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-group-store-" });
  try {
    await test({ disk: new RealDisk(), folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
