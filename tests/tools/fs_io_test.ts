import { assertEquals } from "@std/assert";
import { walk, type WalkOptions } from "@std/fs";

Deno.test("walk() finds what is there, and leaves out what it is told to", async () => {
  const root = await Deno.makeTempDir({ prefix: "p2pchat-fs-" });
  try {
    await Deno.mkdir(`${root}/a/b`, { recursive: true });
    for (const name of ["1.ts", "a/2.ts", "a/b/3.md"]) {
      await Deno.writeTextFile(`${root}/${name}`, "");
    }
    const found = async (options: WalkOptions) => {
      const paths: string[] = [];
      for await (const { path } of walk(root, options)) paths.push(path.slice(root.length));
      return paths.sort();
    };

    assertEquals(await found({}), ["", "/1.ts", "/a", "/a/2.ts", "/a/b", "/a/b/3.md"]);
    assertEquals(await found({ includeDirs: false, exts: ["ts"] }), ["/1.ts", "/a/2.ts"]);
    assertEquals(await found({ includeDirs: false, exts: [".md"] }), ["/a/b/3.md"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
