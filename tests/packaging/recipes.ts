/** What Homebrew, Arch Linux and Nix install by: the digests are those of the release's files, and what is installed runs. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { filesBelow, has, inFolder, needs, packaged, packages, run, sha256 } from "./packages.ts";

/** Runs what was installed, with a home of its own. */
async function assertRuns(program: string, home: string): Promise<void> {
  const { code, stdout, stderr } = await run([program, "--version"], { env: { HOME: home } });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^p2pchat \d+\.\d+\.\d+\n$/);
}

Deno.test("SHA256SUMS names all files of the release, and each recipe has the digest of the one that it takes", async () => {
  const all = await packages();
  const names = (await filesBelow(all)).map((path) => path.slice(1));
  const sums = (await Deno.readTextFile(`${all}/SHA256SUMS`)).trimEnd().split("\n");
  const released = names.filter((name) => /\.(tgz|deb|tar)$/.test(name));
  const digests = await Promise.all(released.map((name) => sha256(`${all}/${name}`)));

  assertEquals(sums, released.map((name, at) => `${digests[at]}  ${name}`));
  const digest = await sha256(await packaged(".tgz"));
  for (const recipe of ["p2pchat.rb", "PKGBUILD", "flake.nix"]) {
    const text = await Deno.readTextFile(`${all}/${recipe}`);
    assertStringIncludes(text, `"${digest}"`);
    assertEquals(/@[A-Z0-9]+@/.exec(text), null, recipe);
  }
});

Deno.test(
  "what PKGBUILD installs runs, with the Deno of the system",
  needs([has("bash"), "bash"]),
  async () => {
    await inFolder(async (folder) => {
      await run(["tar", "xzf", await packaged(".tgz"), "-C", folder]);
      const script = 'set -eu; . "$0"; srcdir=$PWD pkgdir=$PWD/installed; package; echo "$source"';
      const made = await run(["bash", "-c", script, `${await packages()}/PKGBUILD`], {
        cwd: folder,
      });
      assertEquals([made.code, made.stderr], [0, ""]);
      assertStringIncludes(made.stdout, `/${(await packaged(".tgz")).split("/").at(-1)}`);
      const installed = `${folder}/installed/usr`;
      const files = await filesBelow(installed);
      for (const path of ["/share/man/man1/p2pchat.1", "/share/licenses/p2pchat/LICENSE"]) {
        assertEquals(files.includes(path), true, path);
      }
      // That one is the system's.
      await Deno.remove(`${installed}/lib/p2pchat/deno`);
      await Deno.symlink(Deno.execPath(), `${installed}/lib/p2pchat/deno`);
      await assertRuns(`${installed}/bin/p2pchat`, folder);
    });
  },
);

Deno.test("what the formula installs runs", needs([has("ruby"), "ruby"]), async () => {
  await inFolder(async (folder) => {
    await run(["tar", "xzf", await packaged(".tgz"), "-C", folder]);
    const formula = new URL("formula.rb", import.meta.url).pathname;
    const { code, stdout, stderr } = await run(
      ["ruby", "-w", formula, `${await packages()}/p2pchat.rb`],
      {
        cwd: `${folder}/package`,
        env: { PREFIX: `${folder}/installed`, DENO: Deno.execPath() },
      },
    );
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, `sha256 ${await sha256(await packaged(".tgz"))}\n`);
    await assertRuns(`${folder}/installed/bin/p2pchat`, folder);
  });
});

Deno.test(
  "flake.nix is a program in Nix",
  needs([has("nix-instantiate"), "nix-instantiate"]),
  async () => {
    // It may warn of how Nix is set up here.
    const flake = `${await packages()}/flake.nix`;
    const { code, stderr } = await run(["nix-instantiate", "--parse", flake]);
    assertEquals(code, 0, stderr);
  },
);
