import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { DownloadFolder } from "../../../lib/store/files/download_folder.ts";
import { RandomFile } from "../../../lib/store/files/random_file.ts";
import { TemporaryFolder } from "../../temporary_folder.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-files-" });
  const folder = temporary.path;
  await test(folder);
}

Deno.test("what is written at any place is read there, in the order in which it was asked for", async () => {
  await inFolder(async (folder) => {
    const file = (await RandomFile.create(`${folder}/part`))!;
    const early = file.read(0, 4);
    const writes = [file.write(4, Uint8Array.of(5, 6)), file.write(0, Uint8Array.of(1, 2, 3, 4))];
    const late = file.read(2, 9);
    await Promise.all([...writes, file.sync()]);

    assertEquals([[...await early], [...await late]], [[], [3, 4, 5, 6]]);
    file.close();
  });
});

Deno.test("what is read ahead is what is there", async () => {
  await inFolder(async (folder) => {
    const bytes = Uint8Array.from({ length: 100 }, (_, at) => at);
    await Deno.writeFile(`${folder}/whole`, bytes);
    const file = await RandomFile.openToRead(`${folder}/whole`);
    for (const [offset, length] of [[0, 10], [10, 10], [25, 10], [95, 10], [90, 10], [3, 4]]) {
      const read = await file.read(offset!, length!, 30);
      assertEquals(read, bytes.subarray(offset, offset! + length!));
    }
    file.close();
  });
});

Deno.test("no link is followed, and no file that others reach is gone on with", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/secret`, "secret");
    await Deno.symlink(`${folder}/secret`, `${folder}/link`);
    await Deno.symlink(`${folder}/nowhere`, `${folder}/dangling`);
    await Deno.link(`${folder}/secret`, `${folder}/hard`);

    assertEquals(await RandomFile.create(`${folder}/link`), null);
    assertEquals(await RandomFile.create(`${folder}/dangling`), null);
    for (const name of ["link", "dangling", "hard"]) {
      await assertRejects(() => RandomFile.openAgain(`${folder}/${name}`), P2pchatError);
    }
    assertEquals(await RandomFile.openAgain(`${folder}/missing`), null);
    const downloads = new DownloadFolder(new RealDisk(() => 0), folder);
    const noted: string[] = [];
    const nameOf = (copy: number) => copy === 1 ? "dangling" : `dangling-${copy}`;
    const file = await downloads.create(nameOf, (path) => {
      noted.push(path);
      return Promise.resolve();
    });
    assertEquals(file.path, `${folder}/dangling-2`);
    assertEquals(noted, [file.path]);
    file.close();
    assertEquals(await Deno.readTextFile(`${folder}/secret`), "secret");
  });
});

Deno.test("a pipe isn't read", async () => {
  await assertRejects(() => RandomFile.openToRead("/dev/null"), P2pchatError, "no regular file");
});

Deno.test("a file that goes while it is opened again isn't there, and isn't left open", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/part`;
    await Deno.writeTextFile(path, "some");
    const { open } = Deno;
    Deno.open = async (...args) => {
      const file = await open(...args);
      await Deno.remove(path);
      return file;
    };
    try {
      assertEquals(await RandomFile.openAgain(path), null);
    } finally {
      Deno.open = open;
    }
  });
});
