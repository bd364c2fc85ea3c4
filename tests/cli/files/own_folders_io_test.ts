import { assertEquals } from "@std/assert";
import { findPaths, ownFolders } from "../../../lib/cli/files/path_completion.ts";

Deno.test("of a folder of the disk what may be sent is found: files, folders, and links to them", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-paths-" });
  try {
    for (const name of ["data/downloads", "data/users", "photos"]) {
      Deno.mkdirSync(`${folder}/${name}`, { recursive: true });
    }
    Deno.writeTextFileSync(`${folder}/one.txt`, "");
    Deno.symlinkSync(`${folder}/photos`, `${folder}/linked`);
    Deno.symlinkSync(`${folder}/nowhere`, `${folder}/gone`);
    new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).outputSync();
    const choices = async (typed: string) =>
      (await findPaths(typed, ownFolders(`${folder}/data`)))?.choices ?? null;

    assertEquals(await choices(`${folder}/`), ["linked/", "one.txt", "photos/"]);
    assertEquals(await choices(`${folder}/data/`), ["downloads/"]);
    assertEquals(await choices(`${folder}/nowhere/`), null);
    assertEquals(await choices(`${folder}/one.txt/`), null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
