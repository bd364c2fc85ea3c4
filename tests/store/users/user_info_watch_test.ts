import { assertEquals, assertMatch } from "@std/assert";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { Watched } from "../../contracts/user_info_contract.ts";

const PATH = "/p/users.txt";

function diskWith(text: string): MemoryDisk {
  const disk = new MemoryDisk();
  disk.place(PATH, text);
  return disk;
}

Deno.test("a watch doesn't tell what was replaced while it was read", async () => {
  const disk = diskWith("alice a 1\n");
  await using watched = await Watched.begin(disk, PATH);
  await watched.looks(2);
  disk.place(PATH, "bob b 1\n");
  let isReplaced = false;
  disk.fault = ({ kind }) => {
    if (kind === "read" && !isReplaced) disk.place(PATH, "bob b 1\neve e 1\n");
    isReplaced ||= kind === "read";
    return null;
  };
  await watched.looks(5);

  assertEquals(watched.told, ["bob eve"]);
});

Deno.test("a watch only looks at a file that is at rest, and reads it no more", async () => {
  const disk = diskWith("alice a 1\n");
  await using watched = await Watched.begin(disk, PATH);
  await watched.looks(3);
  const before = disk.operations;
  await watched.looks(5);

  assertEquals(disk.operations - before, 5);
});

Deno.test("a watch that is closed while it reads tells nothing more", async () => {
  const disk = diskWith("alice a 1\n");
  await using watched = await Watched.begin(disk, PATH);
  await watched.looks(2);
  disk.place(PATH, "bob b 1\n");
  await watched.looks(1);
  let wasRead = false;
  const closed = Promise.withResolvers<void>();
  disk.fault = ({ kind }) => {
    wasRead ||= kind === "read";
    if (wasRead && kind === "stat") {
      watched.watch.close();
      closed.resolve();
    }
    return null;
  };
  void watched.looks(1); // no timer is set after it
  await closed.promise;
  await new Promise((resolve) => setTimeout(resolve, 0));

  assertEquals(watched.told, []);
  assertEquals(watched.clock.isArmed, false);
});

Deno.test("a disk that can't be read is a broken edit, told once, and so is what follows", async () => {
  const disk = diskWith("alice a 1\n");
  await using watched = await Watched.begin(disk, PATH);
  await watched.looks(2);
  disk.fault = () => "EIO";
  await watched.looks(4);
  assertEquals(watched.told, [
    "bad-file: Cannot read /p/users.txt: Input/output error; " +
    "check the path, and that you may read there",
  ]);

  disk.fault = null;
  await disk.remove(PATH);
  await watched.looks(3);
  disk.place(PATH, "alice a 1\n");
  await watched.looks(3);
  assertEquals(watched.told.length, 3);
  assertMatch(watched.told[1]!, /there is no such file/);
  assertEquals(watched.told[2], "alice");
});
