import { assertEquals } from "@std/assert";
import { FirstUse } from "../../../lib/store/profile/first_use.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const FOLDER = "/data/users/Foo";
const MADE = [
  "identity",
  "profile.lock",
  "group.lock",
  "known_peers",
  "irc_shown",
  "group/a1/place",
];

async function profileWith(...files: readonly string[]): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  for (const file of files) {
    const path = `${FOLDER}/${file}`;
    await disk.makeFolder(path.slice(0, path.lastIndexOf("/")));
    (await disk.openAppend(path)).close();
  }
  return disk;
}

Deno.test("FirstUse removes all that a start has made which came to nothing", async () => {
  const disk = await profileWith(...MADE);
  await new FirstUse(disk, FOLDER, "group", true).remove();
  assertEquals(await disk.list("/data/users"), []);
});

for (const others of ["mesh/rooms", "friends.lock", "registry/files", "settings", "log.txt"]) {
  Deno.test(`FirstUse leaves a profile in which another program has ${others}`, async () => {
    const disk = await profileWith(...MADE, others);
    await new FirstUse(disk, FOLDER, "group", true).remove();
    assertEquals((await disk.list(FOLDER)).includes("identity"), true);
    assertEquals(await disk.list(`${FOLDER}/group/a1`), ["place"]);
  });
}

Deno.test("FirstUse knows a start that came to nothing from one after which others may know the key", () => {
  const inVain = (isNew: boolean, happens: (first: FirstUse) => void) => {
    const first = new FirstUse(new MemoryDisk(), FOLDER, "registry", isNew);
    happens(first);
    return first.isInVain;
  };
  assertEquals(inVain(true, () => {}), true);
  assertEquals(inVain(false, () => {}), false, "it was there before");
  assertEquals(inVain(true, (first) => first.failed("unreachable")), true);
  assertEquals(inVain(true, (first) => first.asks()), false, "the answer may be on its way");
  const refused = (code: "name-taken" | "unreachable") => (first: FirstUse) => {
    first.asks();
    first.failed(code);
  };
  assertEquals(inVain(true, refused("name-taken")), true);
  assertEquals(inVain(true, refused("unreachable")), false, "its answer may have been lost");
  assertEquals(inVain(false, refused("name-taken")), false);
  const trusts = (first: FirstUse) => {
    first.trusts();
    refused("name-taken")(first);
  };
  assertEquals(inVain(true, trusts), false, "no other server gets the password now");
  const wasIn = (first: FirstUse) => {
    first.isIn();
    first.failed("name-taken");
  };
  assertEquals(inVain(true, wasIn), false);
});
