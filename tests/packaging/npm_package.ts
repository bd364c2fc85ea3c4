/**
 * The package for npm, from a registry, as it will be: `npx p2pchat`, and an installation of its own. The registry of these
 * tests has p2pchat alone, and names the machine's own one for everything else: Deno.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { hasScript, openTerminal } from "../e2e/pty.ts";
import { filesBelow, has, inFolder, needs, packaged, run, skipped } from "./packages.ts";

/** The registry that npm asks on this machine, if it is within reach. */
async function registryWithinReach(): Promise<string | null> {
  if (!has("npm")) return null;
  const one = { env: { npm_config_fetch_retries: "0", npm_config_fetch_timeout: "20000" } };
  const { code } = await run(["npm", "view", "deno", "name"], one);
  return code === 0 ? (await run(["npm", "config", "get", "registry"])).stdout.trim() : null;
}

/** Serves the package on a port of this machine until the test is over. */
async function registry(others: string) {
  const file = await packaged(".tgz");
  const bytes = await Deno.readFile(file);
  const unpacked = await run(["tar", "xOzf", file, "package/package.json"]);
  const about = JSON.parse(unpacked.stdout);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toBase64();
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const { pathname, origin } = new URL(url);
    if (pathname === "/p2pchat.tgz") return new Response(bytes);
    if (pathname !== "/p2pchat") return Response.redirect(new URL(pathname.slice(1), others));
    const dist = { tarball: `${origin}/p2pchat.tgz`, integrity: `sha512-${digest}` };
    return Response.json({
      name: "p2pchat",
      "dist-tags": { latest: about.version },
      versions: { [about.version]: { ...about, dist } },
    });
  });
}

const NPX = "npx --yes p2pchat mesh Alice --host 127.0.0.1 --port 0";
const others = await registryWithinReach();
const NEEDED = needs([others !== null, "registry of npm within reach"]);

Deno.test("npx p2pchat mesh Alice, npm install -g and npm uninstall -g", NEEDED, async (test) => {
  await using server = await registry(others!);
  await inFolder(async (folder) => {
    const [home, prefix] = [`${folder}/home`, `${folder}/prefix`];
    await Deno.mkdir(home);
    await Deno.mkdir(prefix);
    const env = {
      HOME: home,
      XDG_CACHE_HOME: "",
      P2PCHAT_HOME: `${folder}/chats`,
      npm_config_registry: `http://127.0.0.1:${server.addr.port}/`,
      npm_config_prefix: prefix,
      npm_config_update_notifier: "false",
      npm_config_audit: "false",
      npm_config_fund: "false",
      // No script of any package is run.
      npm_config_ignore_scripts: "true",
    };
    const installed = `${prefix}/bin/p2pchat`;

    await test.step("npm install -g brings it, with its manual page", async () => {
      const { code, stderr } = await run(["npm", "install", "-g", "p2pchat"], { env });

      assertEquals([code, stderr], [0, ""]);
      assertMatch(
        (await run([installed, "--version"], { env })).stdout,
        /^p2pchat \d+\.\d+\.\d+\n$/,
      );
      assertEquals((await Deno.stat(`${prefix}/share/man/man1/p2pchat.1`)).isFile, true);
    });
    await test.step("its exit status and its signals are the program's own", async () => {
      const refused = await run([installed, "mesh", "Alice", "--no-such-flag"], { env });
      assertEquals(refused.code, 2);
      assertStringIncludes(refused.stderr, "--no-such-flag");

      const process = new Deno.Command(installed, {
        args: ["serve", "--port", "0", "--host", "127.0.0.1", "--stay", "--json"],
        env,
        stdin: "null",
        stdout: "piped",
      }).spawn();
      const events: { readonly event: string }[] = [];
      for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
        const came: typeof events = text.trim().split("\n").map((line) => JSON.parse(line));
        if (came.some(({ event }) => event === "ready")) process.kill("SIGTERM");
        events.push(...came);
      }
      const { code, signal } = await process.status;
      assertEquals([code, signal, events.at(-1)!.event], [0, null, "bye"]);
    });
    await test.step("npx p2pchat mesh Alice, at a terminal", async () => {
      if (!hasScript()) return skipped("script of util-linux");
      await using terminal = await openTerminal({
        command: ["sh", "-c", `${NPX}; echo "status $?"; stty -a`],
        env,
        columns: 60,
      });
      await terminal.untilCursorLine("Alice> |");
      // Keys as they are typed, and a window of another size: the line that it draws is wrapped by it.
      await terminal.press("one\x7f");
      await terminal.untilCursorLine("Alice> on|");
      assertMatch(await terminal.settings(), /-icanon/);
      await terminal.resize(24, 12);
      await terminal.press("2 three four five six");
      await terminal.untilCursorLine("ve six|");
      await terminal.press("\x03");
      await terminal.untilCursorLine("Alice> |");
      await terminal.press(":q\r");
      await terminal.ended();
      assertMatch(terminal.raw, /status 0\r\n[^]* icanon/);
    });
    await test.step("another Deno in its place isn't run", async () => {
      const below = `${prefix}/lib/node_modules/p2pchat`;
      await Deno.remove(`${below}/cache`, { recursive: true });
      const deno = (await filesBelow(below)).find((path) => /@deno\/.*\/deno$/.test(path))!;
      await Deno.writeTextFile(`${below}${deno}`, "#!/bin/sh\necho other\n");

      const { code, stdout, stderr } = await run([installed, "--version"], { env });

      assertEquals([code, stdout], [5, ""]);
      assertMatch(
        stderr,
        /^error: cannot start p2pchat: .* isn't the Deno that p2pchat was built /,
      );
      await Deno.remove(`${below}${deno}`);
      const without = await run([installed, "--version"], { env });
      assertEquals([without.code, without.stdout], [5, ""]);
      assertMatch(
        without.stderr,
        /^error: cannot start p2pchat: no Deno for .* came with the pack/,
      );
    });
    await test.step("npm uninstall -g leaves nothing", async () => {
      const { code } = await run(["npm", "uninstall", "-g", "p2pchat"], { env });

      assertEquals([code, await filesBelow(prefix)], [0, []]);
      // npm's own cache, in which npx keeps what it has fetched, is all there is.
      const left = (await filesBelow(home)).filter((path) => !path.startsWith("/.npm/"));
      assertEquals(left, []);
    });
  });
});
