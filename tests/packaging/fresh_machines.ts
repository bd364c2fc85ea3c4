/**
 * Two fresh machines of one network, with nothing but npm on the one and dpkg on the other: each gets its package, both
 * type one line, and they talk.
 */

import { assertEquals } from "@std/assert";
import { BridgedHosts } from "../e2e/bridged_hosts.ts";
import { canMakeHosts } from "../e2e/hosts.ts";
import { hasScript, openTerminal, type Terminal } from "../e2e/pty.ts";
import { IN_A_COPY } from "./apart.ts";
import { has, inFolder, IS_APART, needs, packaged, ROOT, run } from "./packages.ts";

/**
 * How long an installation may take: 10 s or so, but a machine that has other work needs more. (From the line that both
 * type to the first message, each wait has a minute, which is the promise.)
 */
const INSTALLED_MS = 180_000;
/** Deno as npm has brought it here: what the package for npm depends on. */
const DENO = `${ROOT}/.deno/node_modules`;
const REGISTRY_PORT = 8_000;
const NEEDED = needs(
  [IS_APART && canMakeHosts(), "namespaces of Linux for root"],
  [has("npm"), "npm"],
  [has("dpkg-deb") && has("/usr/sbin/adduser"), "dpkg and adduser"],
  [hasScript(), "script of util-linux"],
  [await isThere(`${DENO}/deno`), "Deno from npm in .deno"],
);

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/**
 * A copy of this machine in memory, with a user that has nothing yet: first a shell of root, to install with; after it
 * ends, one of that user.
 */
const MACHINE = `${IN_A_COPY}
name=$1
mount -t tmpfs tmpfs "$root/root"
mkdir "$root/srv/install" "$root/home/$name"
cp "$2" "$root/srv/install"
chroot "$root" groupadd --gid 4177 "$name"
chroot "$root" useradd --uid 4177 --gid 4177 --no-create-home --home-dir "/home/$name" --shell /bin/sh "$name"
chown 4177:4177 "$root/home/$name"
env -i TERM="$TERM" PATH="$PATH" HOME=/root DEBIAN_FRONTEND=noninteractive npm_config_registry="$3" PS1='root# ' \\
  chroot "$root" sh -c 'cd /srv/install && exec sh -i +m'
exec chroot "$root" setpriv --reuid="$name" --regid="$name" --clear-groups --reset-env \\
  env PS1="$name\\$ " sh -c 'cd && exec sh -i +m'
`;

/** Types a line at a shell, which has ended what was typed before, and waits until it has ended this. */
async function typed(terminal: Terminal, prompt: string, line: string): Promise<void> {
  await terminal.untilCursorLine(`${prompt} |`);
  await terminal.press(`clear; ${line} && echo "it is"" done"\r`);
  await terminal.until(
    `what follows ${line}`,
    ({ text }) => text.includes("it is done"),
    INSTALLED_MS,
  );
}

/** Packs what npm has installed, as it was packed where npm got it. @returns The tarballs. */
async function packedDeno(folder: string): Promise<readonly string[]> {
  const names = ["deno"];
  for await (const { name } of Deno.readDir(`${DENO}/@deno`)) names.push(`@deno/${name}`);
  return await Promise.all(names.map(async (name, at) => {
    const tarball = `${folder}/${at}.tar`;
    const renamed = ["--transform", "s,^[.],package,"];
    const packed = await run(["tar", "-C", `${DENO}/${name}`, ...renamed, "-cf", tarball, "."]);
    assertEquals([packed.code, packed.stderr], [0, ""]);
    return tarball;
  }));
}

/** Serves the packages on a host of that network, where no other registry is within reach. */
async function serve(within: readonly string[], tarballs: readonly string[]) {
  const module = new URL("registry.ts", import.meta.url).pathname;
  const [program, ...args] = [...within, Deno.execPath(), "run", "-A", "--quiet", module];
  const process = new Deno.Command(program!, {
    args: [...args, String(REGISTRY_PORT), ...tarballs],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const output = process.stdout.getReader();
  assertEquals(new TextDecoder().decode((await output.read()).value), "listening\n");
  return {
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await output.cancel();
      await process.status;
    },
  };
}

Deno.test(
  "two fresh machines install the packages for npm and for Debian, type one line each, and talk within a minute",
  NEEDED,
  async (test) => {
    await inFolder(async (folder) => {
      await using hosts = await BridgedHosts.open("alice", "bob", "registry");
      const [npm, debian] = [await packaged(".tgz"), await packaged(".deb")];
      const registry = `http://${hosts.address("registry")}:${REGISTRY_PORT}/`;
      await using _ = await serve(hosts.within("registry"), [npm, ...await packedDeno(folder)]);
      const machine = (name: string) =>
        openTerminal({
          command: [
            ...hosts.within(name),
            ...["unshare", "-mpf", "--kill-child", "sh", "-euc", MACHINE, "sh"],
            ...[name, debian, registry],
          ],
          env: { PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin` },
        });
      const beganMs = performance.now();
      await using alice = await machine("alice");
      await using bob = await machine("bob");

      await test.step("each gets its package", async () => {
        await Promise.all([
          typed(alice, "root#", "npm install -g p2pchat"),
          typed(bob, "root#", "dpkg -i p2pchat_*.deb"),
        ]);
      });
      const installedMs = performance.now();
      await test.step("both have nothing in their folder, and type one line", async () => {
        await Promise.all(
          ([[alice, "alice", "Alice"], [bob, "bob", "Bob"]] as const).map(
            async ([terminal, name, called]) => {
              await terminal.untilCursorLine("root# |");
              await terminal.press("exit\r");
              await typed(terminal, `${name}$`, 'pwd && [ -z "$(ls -A)" ]');
              await terminal.untilCursorLine(`${name}$ |`);
              await terminal.press(`p2pchat mesh ${called} --lan\r`);
              await terminal.untilCursorLine(`${called}> |`);
            },
          ),
        );
      });
      await test.step("what one says the other sees, and the other way round", async () => {
        // Whoever has founded the room reads that the other has joined, who reads that somebody is here.
        await alice.until("that Bob is here", ({ text }) => text.includes(" * Bob "));
        await bob.until("that Alice is here", ({ text }) => text.includes(" * Alice "));
        await bob.press("Is anybody here?\r");
        await alice.until("what Bob said", ({ text }) => text.includes("<Bob> Is anybody here?"));
        const firstMs = performance.now();
        await alice.press("I am.\r");
        await bob.until("what Alice said", ({ text }) => text.includes("<Alice> I am."));
        const seconds = (ms: number) => (ms / 1_000).toFixed(1);
        // deno-lint-ignore no-console -- the promise is a minute, which a machine with other work may need for itself
        console.log(
          `installed after ${seconds(installedMs - beganMs)} s, ` +
            `first message ${seconds(firstMs - installedMs)} s later`,
        );
      });
    });
  },
);
