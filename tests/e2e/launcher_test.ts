/**
 * `tools/launcher.sh`, around a small program instead of p2pchat: it starts from anywhere, by any shell, unpacks what
 * was damaged, trusts no folder of others, and clears earlier versions. The real file is in build_test.ts.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { assertStarted, copyProgram, inTemporaryFolder, kept, parts, start } from "./launched.ts";
import { makeSmallProgram } from "./small_program.ts";

const DAY_MS = 86_400_000;
const folder = await Deno.makeTempDir({ prefix: "p2pchat launcher " });
const small = join(folder, "p2pchat");
const sharedCache = join(folder, "cache");

Deno.test.beforeAll(async () => {
  await makeSmallProgram(small);
  assertStarted(await start(small, { cache: sharedCache }));
});
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

async function withoutProgram(): Promise<string> {
  const { regserver: program } = await kept(join(sharedCache, "p2pchat"));
  for (const name of program) {
    await Deno.remove(join(sharedCache, "p2pchat", name), { recursive: true });
  }
  return sharedCache;
}

Deno.test("The launcher repairs what was unpacked and then damaged", async (test) => {
  const folder = join(sharedCache, "p2pchat");
  const damages: Record<string, (path: string) => Promise<void>> = {
    "cut short": (path) => Deno.truncate(path, 1000),
    "emptied": (path) => Deno.truncate(path, 0),
    "overwritten, its size unchanged": async (path) => {
      using file = await Deno.open(path, { write: true });
      await file.write(new TextEncoder().encode("damaged! damaged!"));
    },
    "removed": (path) => Deno.remove(path),
    "not executable": (path) => Deno.chmod(path, 0o600),
    "changed, its time set back": async (path) => {
      const { atime, mtime } = await Deno.stat(path);
      await Deno.writeTextFile(path, 'console.log("changed");', { append: true });
      await Deno.utime(path, atime!, mtime!);
    },
    "replaced by a link": async (path) => {
      await Deno.rename(path, `${path}.other`);
      await Deno.symlink(`${path}.other`, path);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    for (const part of ["program", "runtime"] as const) {
      await test.step(`${part} ${name}`, async () => {
        await damage((await parts(folder))[part]);
        assertStarted(await start(small, { cache: sharedCache }));
      });
    }
  }
});

Deno.test("The launcher runs nothing from a cache that others could write to", async (test) => {
  const folder = join(sharedCache, "p2pchat");
  const { program, runtime } = await parts(folder);
  const opened = {
    "the cache itself": folder,
    "the program's folder": join(program, ".."),
    "the program": program,
    "the runtime": runtime,
  };
  for (const [name, path] of Object.entries(opened)) {
    await test.step(name, async () => {
      await Deno.writeTextFile(join(program, "..", "left by another"), "");
      const isFolder = (await Deno.stat(path)).isDirectory;
      await Deno.chmod(path, isFolder ? 0o777 : 0o722);

      assertStarted(await start(small, { cache: sharedCache }));

      assertEquals((await Deno.stat(folder)).mode! & 0o777, 0o700);
      assertEquals((await Deno.stat(path)).mode! & 0o022, 0);
      const names = [...Deno.readDirSync(join(program, ".."))].map(({ name }) => name);
      assertEquals(names.includes("left by another"), false);
    });
  }
});

Deno.test("The launcher makes the folders above its cache with no right for others", async () => {
  await inTemporaryFolder(async (HOME) => {
    const args = ["-c", 'umask 000 && exec "$@"', "sh", small, "--version"];
    const env = { HOME, TMPDIR: HOME };
    assertStarted(await start("/bin/sh", { env, args }));
    assertStarted(await start("/bin/sh", { env, args, cache: join(HOME, "deep", "cache") }));

    for (const name of [".cache", "deep", "deep/cache"]) {
      assertEquals((await Deno.stat(join(HOME, name))).mode! & 0o777, 0o700, name);
    }
  });
});

Deno.test("The launcher uses no cache in whose place others could put theirs", async (test) => {
  await inTemporaryFolder(async (folder) => {
    const [users, TMPDIR, bin] = ["users", "tmp", "bin"].map((name) => join(folder, name));
    const HOME = join(users!, "home");
    const above = join(HOME, ".cache");
    for (const made of [users!, HOME, TMPDIR!, bin!]) await Deno.mkdir(made, { mode: 0o700 });
    // It shows a folder as where a list gives further users rights.
    const listed = `#!/bin/sh\nPATH=\${PATH#*:} ls "$@" | sed 's/^\\(d[^ .+]*\\)[.+]* /\\1+ /'\n`;
    await Deno.writeTextFile(join(bin!, "ls"), listed, { mode: 0o700 });
    const PATH = Deno.env.get("PATH")!;
    const startHere = async (env = {}) =>
      assertStarted(await start(small, { env: { HOME, TMPDIR: TMPDIR!, ...env } }));
    const isUsed = async (cache: string, env = {}) => {
      const used = join((await parts(cache)).program, "..", "used");
      await Deno.utime(used, 0, 0);
      await startHere(env);
      return (await Deno.stat(used)).mtime!.getTime() > 0;
    };
    await startHere();
    const { uid, gid } = await Deno.stat(above);
    const noGroup = { ignore: !await hasOwnGroup() };

    const usual = { owner: uid, group: gid, env: {}, ignore: false };
    const ignore = uid !== 0;

    for (
      const [name, path, mode, expected, more] of [
        ["its parent is open to be read", above, 0o755, true],
        ["its parent is everybody's", above, 0o777, false],
        ["its parent is everybody's, with the sticky bit", above, 0o1777, true],
        ["its parent is a group's", above, 0o770, false, { group: 65534, ignore }],
        ["its parent is the user's own group's", above, 0o775, true, noGroup],
        ["and others'", above, 0o775, false, { ...noGroup, env: { PATH: `${bin}:${PATH}` } }],
        ["HOME is everybody's", HOME, 0o777, false],
        ["what is above HOME is everybody's", users!, 0o777, false],
        ["what is above HOME is another user's", users!, 0o755, false, { owner: 1, ignore }],
      ] as [string, string, number, boolean, Partial<typeof usual>?][]
    ) {
      const { owner, group, env, ignore } = { ...usual, ...more };
      await test.step({
        name,
        ignore,
        fn: async () => {
          await Deno.chown(path, owner, group);
          await Deno.chmod(path, mode);
          assertEquals(await isUsed(join(above, "p2pchat"), env), expected);
          await Deno.chown(path, uid, gid);
          await Deno.chmod(path, 0o700);
        },
      });
    }
    await test.step("a link of one's own, in a folder that is everybody's", async () => {
      const place = join(folder, "place");
      await Deno.rename(join(above, "p2pchat"), place);
      await Deno.symlink(place, join(above, "p2pchat"));
      assertEquals(await isUsed(place), true);
      await Deno.chmod(above, 0o777);
      assertEquals(await isUsed(place), false);
    });
  });
});

/** Whether this user's files have a group of its name, which nobody else is in. */
async function hasOwnGroup(): Promise<boolean> {
  const script = 'set -- $(id -un) $(id -gn) $(id -g) && [ "$1" = "$2" ] &&' +
    ' grep -q -e "^$1:[^:]*:$3:$" -e "^$1:[^:]*:$3:$1$" /etc/group &&' +
    ' [ "$(cut -d: -f4 /etc/passwd | grep -c -x "$3")" = 1 ]';
  return (await new Deno.Command("/bin/sh", { args: ["-c", script] }).output()).success;
}

Deno.test("The launcher starts from a read-only folder, through links, and by name", async (test) => {
  await inTemporaryFolder(async (folder) => {
    const bin = join(folder, "read only, with 'blanks'");
    await Deno.mkdir(bin);
    const copy = join(bin, "p2pchat");
    await copyProgram(small, copy);
    await Deno.chmod(copy, 0o555);
    await Deno.chmod(bin, 0o555);
    const link = join(folder, "link to it");
    await Deno.symlink(copy, link);

    await test.step("by its path", async () =>
      assertStarted(await start(copy, { cache: await withoutProgram() })));
    await test.step("by a link", async () =>
      assertStarted(await start(link, { cache: await withoutProgram() })));
    await test.step("by its name", async () => {
      const cache = await withoutProgram();
      const env = { PATH: `${bin}:${Deno.env.get("PATH") ?? ""}` };
      assertStarted(await start("/bin/sh", { cache, env, args: ["-c", "p2pchat --version"] }));
    });
    await test.step("relative to the current folder", async () =>
      assertStarted(await start("./p2pchat", { cache: await withoutProgram(), cwd: bin })));
    await Deno.chmod(bin, 0o755);
  });
});

Deno.test("The launcher starts with every shell as its interpreter", async (test) => {
  for (
    const shell of [["dash"], ["bash"], ["busybox", "sh"], ["ksh"], ["zsh", "--emulate", "sh"]]
  ) {
    const [program, ...first] = shell as [string, ...string[]];
    await test.step({
      name: shell.join(" "),
      ignore: !await isOnPath(program),
      fn: async () => {
        const cwd = folder;
        const cache = await withoutProgram();
        const args = [...first, "p2pchat", "--version"];
        for (const _ of [1, 2]) assertStarted(await start(program, { cache, cwd, args }));
        const closed = ["-c", 'exec "$@" >&-', "sh", program, ...args];
        const { status, stderr } = await start("/bin/sh", { cache, cwd, args: closed });
        assertEquals(
          stderr,
          "error: Cannot write to standard output: it is closed; " +
            "write to another place, /dev/null if nobody is to read it\n",
        );
        assertEquals(status, 5);
      },
    });
  }
});

async function isOnPath(program: string): Promise<boolean> {
  const { success } = await new Deno.Command("/bin/sh", {
    args: ["-c", `command -v ${program}`],
    stdout: "null",
  }).output();
  return success;
}

Deno.test(
  "The launcher starts no other program with what is secret in its environment",
  async () => {
    await inTemporaryFolder(async (folder) => {
      // Each stands for the one of its name, and writes down what it was given before it is that.
      for (const name of ["sha256sum", "stat", "gzip", "mktemp"]) {
        const real = `PATH=\${PATH#*:} exec ${name} "$@"`;
        const text = `#!/bin/sh\nenv >> "\${0%/*}/../${name}.env"\n${real}\n`;
        await Deno.mkdir(join(folder, "bin"), { recursive: true });
        await Deno.writeTextFile(join(folder, "bin", name), text, { mode: 0o700 });
      }
      const PATH = `${join(folder, "bin")}:${Deno.env.get("PATH")}`;
      const env = { PATH, P2PCHAT_PASSWORD: "hunter2", P2PCHAT_INVITE: "hunter2" };

      assertStarted(await start(small, { cache: join(folder, "cache"), env }));

      for (const name of ["sha256sum", "stat", "gzip", "mktemp"]) {
        const given = await Deno.readTextFile(join(folder, `${name}.env`));
        assertMatch(given, /^PATH=/m);
        assertEquals(given.includes("hunter2"), false, name);
      }
    });
  },
);

Deno.test("The launcher removes no folder that a variable of its environment names", async () => {
  await inTemporaryFolder(async (folder) => {
    const cache = await withoutProgram();
    // It waits for this one before it unpacks.
    const cleaning = join(cache, "p2pchat", "new.clean.another");
    await Deno.mkdir(cleaning);
    const launcher = await Deno.readTextFile(new URL("../../tools/launcher.sh", import.meta.url));
    const named = [...launcher.matchAll(/(?<![\w$.-])([a-z_]+)=/g)].map(([, name]) => name!);
    const precious = join(folder, "precious");
    await Deno.mkdir(precious);
    const endedAfter = async (ms: number) => {
      const process = new Deno.Command(small, {
        args: ["--version"],
        clearEnv: true,
        env: {
          ...Object.fromEntries(named.map((name) => [name, precious])),
          PATH: Deno.env.get("PATH") ?? "",
          XDG_CACHE_HOME: cache,
        },
        stdout: "null",
      }).spawn();
      await new Promise((resolve) => setTimeout(resolve, ms));
      process.kill("SIGTERM");
      return await process.status;
    };
    const early = await endedAfter(500);
    // On a busy machine it had no time to heed the signal.
    const { code } = early.signal === "SIGTERM" ? await endedAfter(4_000) : early;

    assertEquals(code, 130);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["precious"]);
    await Deno.remove(cleaning);
  });
});

Deno.test(
  "The launcher says which variable isn't UTF-8 instead of breaking off, and takes what is",
  async (test) => {
    await inTemporaryFolder(async (folder) => {
      const named = async (variable: string, bytes: string) => {
        const script = `${variable}="$2$(printf '${bytes}')" exec "$1" --version`;
        const args = ["-c", script, "sh", small, `${folder}/place`];
        return await start("/bin/sh", { env: { TMPDIR: folder }, args });
      };
      for (const variable of ["HOME", "XDG_CACHE_HOME"]) {
        await test.step(variable, async () => {
          const { status, stderr } = await named(variable, "\\377");
          assertEquals(stderr, `error: The variable ${variable} isn't UTF-8 text; set another\n`);
          assertEquals(status, 2);
        });
      }
      await test.step("UTF-8", async () => assertStarted(await named("HOME", "\\303\\251")));
    });
  },
);

Deno.test(
  "The launcher finds another folder where its cache cannot be written",
  async (test) => {
    // Nobody, root included, can make folders in /dev/null; a folder without rights stops only others.
    const places: Record<string, Readonly<Record<string, string>>> = {
      "HOME unset": {},
      "HOME unwritable": { HOME: "/dev/null" },
      "XDG_CACHE_HOME unwritable": { XDG_CACHE_HOME: "/dev/null/cache" },
      "XDG_CACHE_HOME not absolute": { XDG_CACHE_HOME: "cache", HOME: "/dev/null" },
    };
    await inTemporaryFolder(async (TMPDIR) => {
      for (const [name, env] of Object.entries(places)) {
        await test.step(
          name,
          async () => assertStarted(await start(small, { env: { ...env, TMPDIR } })),
        );
      }
      assertEquals([...Deno.readDirSync(TMPDIR)].map(({ name }) => name), [
        `p2pchat-${Deno.uid()}`,
      ]);
    });
  },
);

Deno.test("The launcher uses no folder that another may have made for it", async (test) => {
  await inTemporaryFolder(async (TMPDIR) => {
    const expected = join(TMPDIR, `p2pchat-${Deno.uid()}`);
    const planted = join(TMPDIR, "planted");
    await Deno.mkdir(planted);
    await Deno.symlink(planted, expected);

    await test.step("a link: a folder with a name nobody can guess", async () => {
      assertStarted(await start(small, { env: { TMPDIR } }));
      assertEquals([...Deno.readDirSync(planted)], []);
    });
    await test.step({
      name: "another owner's folder",
      ignore: Deno.uid() !== 0,
      fn: async () => {
        await Deno.remove(expected);
        await Deno.mkdir(expected);
        await Deno.chown(expected, 65534, 65534);
        assertStarted(await start(small, { env: { TMPDIR } }));
        assertEquals([...Deno.readDirSync(expected)], []);
      },
    });
    await test.step("the folder made at the first start serves the next ones", () => {
      const own = [...Deno.readDirSync(TMPDIR)].filter(({ name }) =>
        name.startsWith(`p2pchat-${Deno.uid()}.`)
      );
      assertEquals(own.length, 1);
    });
  });
});

Deno.test({
  name: "The launcher goes neither through another's link to its cache nor into another's folders",
  ignore: Deno.uid() !== 0,
  fn: async (test) => {
    await inTemporaryFolder(async (folder) => {
      const TMPDIR = join(folder, "tmp");
      const [shared, victim, home] = ["shared", "victim", "home"].map((name) => join(folder, name));
      for (const made of [TMPDIR, shared!, victim!, home!]) await Deno.mkdir(made, { mode: 0o755 });
      const link = join(shared!, "p2pchat");
      await Deno.symlink(victim!, link);
      const startIn = (env: Readonly<Record<string, string>>) =>
        start(small, { env: { TMPDIR, ...env } });

      await test.step("a link of another user's", async () => {
        await new Deno.Command("chown", { args: ["-h", "65534", link] }).output();
        assertStarted(await startIn({ XDG_CACHE_HOME: shared! }));
        assertEquals([...Deno.readDirSync(victim!)], []);
      });
      await test.step("HOME of another user's", async () => {
        await Deno.chown(home!, 65534, 65534);
        assertStarted(await startIn({ HOME: home! }));
        assertEquals([...Deno.readDirSync(home!)].map(({ name }) => name), []);
      });
      await test.step("a link of one's own leads to the cache", async () => {
        await new Deno.Command("chown", { args: ["-h", "0", link] }).output();
        assertStarted(await startIn({ XDG_CACHE_HOME: shared! }));
        assertEquals([...Deno.readDirSync(victim!)].length, 2);
      });
    });
  },
});

Deno.test("The launcher unpacks nothing in a TMPDIR where anybody may remove what is in it", async () => {
  await inTemporaryFolder(async (folder) => {
    const TMPDIR = join(folder, "tmp");
    await Deno.mkdir(TMPDIR);
    await Deno.chmod(TMPDIR, 0o777);
    assertStarted(await start(small, { env: { TMPDIR } }));
    assertEquals([...Deno.readDirSync(TMPDIR)], []);
    await Deno.chmod(TMPDIR, 0o1777);
    assertStarted(await start(small, { env: { TMPDIR } }));
    assertEquals([...Deno.readDirSync(TMPDIR)].length, 1);
  });
});

/** Makes versions in the launcher's cache `folder` that were last used so many days ago. */
async function makeVersions(folder: string, days: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, age] of Object.entries(days)) {
    await Deno.mkdir(join(folder, name));
    await Deno.writeTextFile(join(folder, name, "used"), "");
    const used = new Date(Date.now() - age * DAY_MS);
    await Deno.utime(join(folder, name, "used"), used, used);
  }
}

Deno.test(
  "The launcher keeps the three versions used last, and clears what killed starts left",
  async () => {
    const cache = await withoutProgram();
    const folder = join(cache, "p2pchat");
    await makeVersions(
      folder,
      Object.fromEntries([1, 2, 3, 4, 5].map((age) => [`regserver-${age}`, age])),
    );
    for (const [name, days] of [["new.old", 3], ["new.fresh", 0]] as const) {
      await Deno.mkdir(join(folder, name));
      const changed = new Date(Date.now() - days * DAY_MS);
      await Deno.utime(join(folder, name), changed, changed);
    }

    assertStarted(await start(small, { cache }));

    const { regserver: program, new: left } = await kept(folder);
    assertEquals(program.filter((name) => name.length < 12).sort(), ["regserver-1", "regserver-2"]);
    assertEquals(program.length, 3);
    assertEquals(left, ["new.fresh"]);
    for (const name of ["regserver-1", "regserver-2", "new.fresh"]) {
      await Deno.remove(join(folder, name), { recursive: true });
    }
  },
);

Deno.test(
  "The launcher removes no version that was used within a day, or starts while it cleans",
  async () => {
    const cache = await withoutProgram();
    const folder = join(cache, "p2pchat");
    const today = ["regserver-1", "regserver-2", "regserver-3", "regserver-4"];
    await makeVersions(folder, {
      ...Object.fromEntries(today.map((name, at) => [name, at / 10])),
      "regserver-old": 3,
      "regserver-starting": 4,
    });
    await inTemporaryFolder(async (bin) => {
      // The cleaning has been announced when it asks what was used: a start that was told nothing comes in before.
      const text = `#!/bin/sh
case $* in
  *regserver*) ls -d new.clean.* > "$BIN/seen" && : > regserver-starting/used ;;
esac
PATH=\${PATH#*:} exec ls "$@"
`;
      await Deno.writeTextFile(join(bin, "ls"), text.replaceAll(" ls ", " /bin/ls "), {
        mode: 0o700,
      });
      const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, BIN: bin };

      assertStarted(await start(small, { cache, env }));

      assertMatch(await Deno.readTextFile(join(bin, "seen")), /^new\.clean\.\w+\n$/);
    });
    const { regserver: program, new: left } = await kept(folder);
    assertEquals(program.filter((name) => name.length < 30).sort(), [
      ...today,
      "regserver-starting",
    ]);
    assertEquals(left, []);
    for (const name of [...today, "regserver-starting"]) {
      await Deno.remove(join(folder, name), { recursive: true });
    }
  },
);

Deno.test(
  "The launcher waits while another version cleans, and unpacks anew what that has removed",
  async () => {
    const folder = join(sharedCache, "p2pchat");
    const { program } = await parts(folder);
    const cleaning = join(folder, "new.clean.another");
    await Deno.mkdir(cleaning);
    const long = new Date(Date.now() - DAY_MS);
    const used = join(program, "..", "used");
    await Deno.utime(used, long, long);

    const started = start(small, { cache: sharedCache });
    // It has found both parts, and says that it uses them.
    while ((await Deno.stat(used)).mtime!.getTime() < Date.now() - DAY_MS / 2) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await Deno.remove(join(program, ".."), { recursive: true });
    await Deno.remove(cleaning);

    assertStarted(await started);
    await parts(folder);
  },
);
