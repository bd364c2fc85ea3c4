import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { realTablePath } from "../../../lib/cli/session/table_path.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "p2pchat-path-" }));
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("realTablePath() is one for all names of a file", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/real`);
    await Deno.writeTextFile(`${folder}/real/users.txt`, "");
    await Deno.symlink("real", `${folder}/folder`);
    await Deno.symlink("real/users.txt", `${folder}/link.txt`);
    for (const name of ["real/users.txt", "folder/users.txt", "link.txt", "real/../link.txt"]) {
      assertEquals(await realTablePath(`${folder}/${name}`), `${folder}/real/users.txt`);
    }
    assertEquals(await realTablePath(`${folder}/folder/new.txt`), `${folder}/real/new.txt`);
  }));

Deno.test("realTablePath() leaves what the system can't tell, and refuses a link to nothing", () =>
  inFolder(async (folder) => {
    await Deno.symlink("gone.txt", `${folder}/link.txt`);
    const error = await assertRejects(() => realTablePath(`${folder}/link.txt`), P2pchatError);

    assertEquals(await realTablePath(`${folder}/none/users.txt`), `${folder}/none/users.txt`);
    assertEquals(error.code, "bad-file");
    assertEquals(
      error.message,
      `Cannot use ${folder}/link.txt: it is a symbolic link to gone.txt, which isn't there; make that ` +
        "file, or correct the link",
    );
  }));
