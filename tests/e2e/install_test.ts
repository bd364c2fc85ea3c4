/** `make install` and `make uninstall`, below a temporary folder. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { PROGRAM } from "./node.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MODIFIED = async () => (await Deno.stat(PROGRAM)).mtime?.getTime();

async function run(command: string, args: readonly string[], path = Deno.env.get("PATH")!) {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: ROOT,
    env: { PATH: path },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...await filesBelow(`${folder}/${name}`));
    else files.push(`${folder}/${name}`);
  }
  return files.sort();
}

Deno.test("make install takes what was built, and make uninstall all of it away", async (test) => {
  const prefix = await Deno.makeTempDir({ prefix: "p2pchat-install-" });
  const installed = [
    "/bin/p2pchat",
    "/share/bash-completion/completions/p2pchat",
    "/share/fish/vendor_completions.d/p2pchat.fish",
    "/share/man/man1/p2pchat.1",
    "/share/zsh/site-functions/_p2pchat",
  ].map((path) => prefix + path);
  try {
    await test.step("install, without Deno on PATH, says where the program is not found", async () => {
      const before = await MODIFIED();

      const { code, stdout, stderr } = await run(
        "make",
        ["install", `PREFIX=${prefix}`],
        "/usr/bin:/bin",
      );

      assertEquals([code, stderr], [0, ""]);
      assertStringIncludes(stdout, `Installed ${prefix}/bin/p2pchat, `);
      assertStringIncludes(stdout, `; ${prefix}/bin isn't on your PATH: add it there\n`);
      assertEquals(await filesBelow(prefix), installed);
      for (const path of ["/bin", "/bin/p2pchat", "/share/man/man1"]) {
        assertEquals((await Deno.stat(prefix + path)).mode! & 0o777, 0o755, path);
      }
      assertEquals(await MODIFIED(), before, "nothing was built anew");
      assertMatch((await run(`${prefix}/bin/p2pchat`, ["--version"])).stdout, /^p2pchat \d/);
    });
    await test.step("install again, over what is there", async () => {
      const path = `${prefix}/bin:/usr/bin:/bin`;

      const { code, stdout } = await run("make", ["install", `PREFIX=${prefix}`], path);

      assertEquals([code, stdout.includes("PATH")], [0, false]);
      assertEquals(await filesBelow(prefix), installed);
    });
    await test.step("uninstall, twice, leaves the folders, and what others put there", async () => {
      const ofOthers = [`${prefix}/bin/p2pchat2`, `${prefix}/share/man/man1/p2pchat2.1`];
      for (const path of ofOthers) await Deno.writeTextFile(path, "");
      await Deno.writeTextFile(`${prefix}/bin/p2pchat.new`, ""); // of an install that was interrupted
      for (const words of ["chats and keys stay where they are", "isn't there"]) {
        const { code, stdout } = await run("make", ["uninstall", `PREFIX=${prefix}`]);

        assertEquals(code, 0);
        assertStringIncludes(stdout, words);
        assertEquals(await filesBelow(prefix), ofOthers);
      }
      for (const path of installed) {
        assertEquals((await Deno.stat(dirname(path))).isDirectory, true, path);
      }
    });
  } finally {
    await Deno.remove(prefix, { recursive: true });
  }
});
