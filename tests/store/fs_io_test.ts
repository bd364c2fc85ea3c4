import { assertEquals, assertRejects } from "@std/assert";
import { ensureDir, exists, walk, type WalkOptions } from "../../lib/store/fs.ts";

Deno.test("ensureDir() makes folders, and leaves those that are there", async () => {
  await withFolder(async (root) => {
    await ensureDir(`${root}/a/b`);
    await ensureDir(`${root}/a/b`);
    assertEquals(await exists(`${root}/a/b`, { isDirectory: true }), true);

    await Deno.writeTextFile(`${root}/file`, "");
    await assertRejects(() => ensureDir(`${root}/file`));
  });
});

Deno.test("exists() tells files from folders", async () => {
  await withFolder(async (root) => {
    await Deno.writeTextFile(`${root}/file`, "");
    assertEquals(await exists(`${root}/none`), false);
    assertEquals(await exists(`${root}/file`), true);
    assertEquals(await exists(`${root}/file`, { isFile: true }), true);
    assertEquals(await exists(`${root}/file`, { isDirectory: true }), false);
    assertEquals(await exists(root, { isFile: true }), false);
  });
});

Deno.test("walk() finds what is there, and leaves out what it is told to", async () => {
  await withFolder(async (root) => {
    await ensureDir(`${root}/a/b`);
    await ensureDir(`${root}/skipped`);
    for (const name of ["1.ts", "a/2.ts", "a/b/3.md", "skipped/4.ts"]) {
      await Deno.writeTextFile(`${root}/${name}`, "");
    }
    const found = async (options: WalkOptions) => {
      const paths: string[] = [];
      for await (const { path } of walk(root, options)) paths.push(path.slice(root.length));
      return paths.sort();
    };

    assertEquals(
      await found({}),
      ["", "/1.ts", "/a", "/a/2.ts", "/a/b", "/a/b/3.md", "/skipped", "/skipped/4.ts"],
    );
    assertEquals(
      await found({ includeDirs: false, exts: ["ts"], skip: [/skipped/] }),
      ["/1.ts", "/a/2.ts"],
    );
    assertEquals(await found({ maxDepth: 1, includeFiles: false }), ["", "/a", "/skipped"]);
    assertEquals(await found({ match: [/\.md$/] }), ["/a/b/3.md"]);
  });
});

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-fs-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
