/** Packages made anew, elsewhere, are the same. (The executable: `build_test.ts`.) */

import { assertEquals } from "@std/assert";
import { COMMITTED, filesBelow, inFolder, makePackages, packages, sha256 } from "./packages.ts";

Deno.test("packages made of one commit in two folders are equal byte for byte", async () => {
  await inFolder(async (folder) => {
    const digests = async (of: string) => {
      const names = await filesBelow(of);
      return await Promise.all(names.map(async (name) => [name, await sha256(`${of}${name}`)]));
    };
    // What else may differ between two people's machines.
    const elsewhere = { UMASK: "077", TZ: "Asia/Tokyo", SOURCE_DATE_EPOCH: String(COMMITTED) };
    const [ours] = await Promise.all([packages(), makePackages(folder, elsewhere)]);

    assertEquals(await digests(`${folder}/build/packages`), await digests(ours));
  });
});
