/**
 * The built `./p2pchat` as a file: it starts from anywhere, several times at once, and after its cache was damaged.
 * The form that `deno compile` makes unpacks nothing; for it only the tests of both forms are run.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { copy } from "@std/fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Node } from "./node.ts";
import { residentBytes } from "./proc.ts";

const SOURCES = fileURLToPath(new URL("../..", import.meta.url));
const BUILT = join(SOURCES, "p2pchat");
const VERSION_LINE = /^p2pchat \d+\.\d+\.\d+\n$/;
const DAY_MS = 86_400_000;

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Start {
  /** The folder for the program's cache, in tests of unpacking. */
  readonly cache?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly args?: readonly string[];
}

async function start(program: string, options: Start = {}): Promise<Ended> {
  const { cache, env, cwd, args = ["--version"] } = options;
  const output = await new Deno.Command(program, {
    args: [...args],
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      ...(cache === undefined ? {} : { XDG_CACHE_HOME: cache }),
      ...env,
    },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    status: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/**
 * Copies the program, with its mode, by another process. A program that another thread is starting holds the files
 * that this process has open for a moment, and no file can be started while somebody may write to it.
 */
async function copyProgram(from: string, to: string): Promise<void> {
  const { success } = await new Deno.Command("cp", { args: [from, to] }).output();
  assertEquals(success, true);
}

function assertStarted({ status, stdout, stderr }: Ended): void {
  assertEquals(stderr, "");
  assertMatch(stdout, VERSION_LINE);
  assertEquals(status, 0);
}

async function inTemporaryFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat build " });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The names in the launcher's cache `folder`, by their first word. */
async function kept(
  folder: string,
): Promise<{ program: string[]; runtime: string[]; new: string[] }> {
  const found = { program: [] as string[], runtime: [] as string[], new: [] as string[] };
  for await (const { name } of Deno.readDir(folder)) {
    const kind = name.split(/[-.]/)[0] as keyof typeof found;
    assert(kind in found, `${name} in ${folder}`);
    found[kind].push(name);
  }
  return found;
}

/** The paths of the two unpacked files below `folder`. */
async function parts(folder: string): Promise<{ program: string; runtime: string }> {
  const { program, runtime } = await kept(folder);
  assertEquals([program.length, runtime.length], [1, 1]);
  return {
    program: join(folder, program[0]!, "p2pchat.js"),
    runtime: join(folder, runtime[0]!, "p2pchat"),
  };
}

async function isSelfExtracting(): Promise<boolean> {
  using file = await Deno.open(BUILT);
  const head = new Uint8Array(2);
  await file.read(head);
  return new TextDecoder().decode(head) === "#!";
}

const unpacks = { ignore: !(await isSelfExtracting()) };
/**
 * As the unpacked runtime is large, most tests share one cache, and only remove the program from it to have it
 * unpacked.
 */
const sharedCache = await Deno.makeTempDir({ prefix: "p2pchat cache " });

Deno.test.beforeAll(async () => assertStarted(await start(BUILT, { cache: sharedCache })));
Deno.test.afterAll(() => Deno.remove(sharedCache, { recursive: true }));

async function withoutProgram(): Promise<string> {
  const { program } = await kept(join(sharedCache, "p2pchat"));
  for (const name of program) {
    await Deno.remove(join(sharedCache, "p2pchat", name), { recursive: true });
  }
  return sharedCache;
}

Deno.test("p2pchat starts 3 times at once on a machine where it never ran", unpacks, async () => {
  await inTemporaryFolder(async (cache) => {
    const ended = await Promise.all(Array.from({ length: 3 }, () => start(BUILT, { cache })));

    ended.forEach(assertStarted);
    const { program, runtime, new: left } = await kept(join(cache, "p2pchat"));
    assertEquals([program.length, runtime.length, left], [1, 1, []]);
  });
});

/** The resident memory of a program that is ready, in MiB. */
async function residentMiB(cache: string): Promise<number> {
  await using node = await Node.ready("Ann", null, { env: { XDG_CACHE_HOME: cache } });
  return await residentBytes(node.pid) / 2 ** 20;
}

const measured = { ignore: unpacks.ignore || Deno.build.os !== "linux" };

Deno.test(
  "p2pchat uses no more memory when it was just unpacked than later",
  measured,
  async () => {
    await inTemporaryFolder(async (folder) => {
      const first = await residentMiB(join(folder, "cache"));
      const second = await residentMiB(join(folder, "cache"));

      assert(first < 1.3 * second, `${first} MiB, then ${second}`);
    });
  },
);

// After a kill, of several that start at once one may find such a database locked, and replace it. While a process
// lives that has the old one open, each new process would find it empty, and replace it again.
Deno.test(
  "p2pchat keeps what was compiled although the runtime has replaced its databases",
  measured,
  async () => {
    await inTemporaryFolder(async (cache) => {
      const env = { XDG_CACHE_HOME: cache };
      await using first = await Node.ready("Ann", null, { env });
      const { program } = await parts(join(cache, "p2pchat"));
      for (const database of ["dep_analysis_cache_v2", "v8_code_cache_v2"]) {
        await Deno.remove(join(program, "..", "cache", database));
        await Deno.writeFile(join(program, "..", "cache", database), new Uint8Array());
        await Deno.remove(join(program, "..", "cache", `${database}-wal`));
      }
      assertStarted(await start(BUILT, { cache }));

      await using next = await Node.ready("Bob", null, { env });

      const [before, after] = [await residentBytes(first.pid), await residentBytes(next.pid)];
      assert(after < 1.3 * before, `${after} bytes, ${before} before`);
      assertEquals((await kept(join(cache, "p2pchat"))).new, []);
    });
  },
);

Deno.test(
  "p2pchat built elsewhere from the same sources is equal byte for byte",
  unpacks,
  async () => {
    await inTemporaryFolder(async (folder) => {
      for (const name of ["deno.json", "deno.lock", "lib", "main.ts", "tools", "vendor"]) {
        await copy(join(SOURCES, name), join(folder, name));
      }
      // Deno itself, where it isn't the one on PATH; and packed, which takes longest.
      await Deno.symlink(join(SOURCES, ".deno"), join(folder, ".deno"));
      await Deno.mkdir(join(folder, "build"));
      for await (const { name } of Deno.readDir(join(SOURCES, "build"))) {
        if (!name.startsWith("runtime-")) continue;
        await Deno.symlink(join(SOURCES, "build", name), join(folder, "build", name));
      }

      const built = await new Deno.Command("tools/build.sh", {
        args: ["self-extracting"],
        cwd: folder,
      }).output();

      assertEquals(new TextDecoder().decode(built.stderr), "");
      const [ours, theirs] = [
        await Deno.readFile(BUILT),
        await Deno.readFile(join(folder, "p2pchat")),
      ];
      assertEquals(theirs.length, ours.length);
      // Not assertEquals: it would print both.
      assert(theirs.every((byte, at) => byte === ours[at]), "the two executables differ");
    });
  },
);

Deno.test("p2pchat unpacks nothing at its second start", unpacks, async () => {
  const folder = join(sharedCache, "p2pchat");
  const before = await Promise.all(
    Object.values(await parts(folder)).map((path) => Deno.stat(path)),
  );

  assertStarted(await start(BUILT, { cache: sharedCache }));

  const after = await Promise.all(
    Object.values(await parts(folder)).map((path) => Deno.stat(path)),
  );
  assertEquals(after.map(({ ino }) => ino), before.map(({ ino }) => ino));
});

Deno.test("p2pchat repairs what was unpacked and then damaged", unpacks, async (test) => {
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
      // The runtime takes a second to unpack, by the same lines: all kinds for the program, two for both.
      if (part === "runtime" && !/cut|changed/.test(name)) continue;
      await test.step(`${part} ${name}`, async () => {
        await damage((await parts(folder))[part]);
        assertStarted(await start(BUILT, { cache: sharedCache }));
      });
    }
  }
});

Deno.test("p2pchat runs nothing from a cache that others could write to", unpacks, async (test) => {
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

      assertStarted(await start(BUILT, { cache: sharedCache }));

      assertEquals((await Deno.stat(folder)).mode! & 0o777, 0o700);
      assertEquals((await Deno.stat(path)).mode! & 0o022, 0);
      const names = [...Deno.readDirSync(join(program, ".."))].map(({ name }) => name);
      assertEquals(names.includes("left by another"), false);
    });
  }
});

Deno.test("p2pchat starts although the runtime's own cache was damaged", unpacks, async () => {
  const { program } = await parts(join(sharedCache, "p2pchat"));
  const folder = join(program, "..", "cache");
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile) await Deno.writeTextFile(join(folder, name), "damaged! ".repeat(1000));
  }

  assertStarted(await start(BUILT, { cache: sharedCache }));
});

Deno.test("p2pchat starts from a read-only folder, through links, and by name", async (test) => {
  await inTemporaryFolder(async (folder) => {
    const bin = join(folder, "read only, with 'blanks'");
    await Deno.mkdir(bin);
    const copy = join(bin, "p2pchat");
    await copyProgram(BUILT, copy);
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
    await test.step("from a folder that was removed", async () => {
      const cache = await withoutProgram();
      const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$1" --version';
      const args = ["-c", script, "sh", copy];
      const { status, stdout } = await start("/bin/sh", { cache, args, cwd: folder });
      assertMatch(stdout, VERSION_LINE);
      assertEquals(status, 0);
    });
    await test.step("not with a file in a folder that was removed", async () => {
      const cache = await withoutProgram();
      const script =
        'mkdir gone && cd gone && rmdir ../gone && exec "$1" users add t.txt Al ::1 5003';
      const args = ["-c", script, "sh", copy];
      const { status, stderr } = await start("/bin/sh", { cache, args, cwd: folder });
      const text =
        "error: Cannot use t.txt: the folder in which this program was started has been removed";
      assertStringIncludes(stderr, text);
      assertEquals(status, 5);
    });
    await Deno.chmod(bin, 0o755);
  });
});

Deno.test("p2pchat starts with every shell as its interpreter", unpacks, async (test) => {
  for (
    const shell of [["dash"], ["bash"], ["busybox", "sh"], ["ksh"], ["zsh", "--emulate", "sh"]]
  ) {
    const [program, ...first] = shell as [string, ...string[]];
    await test.step({
      name: shell.join(" "),
      ignore: !await isOnPath(program),
      fn: async () => {
        const cwd = join(BUILT, "..");
        const cache = await withoutProgram();
        assertStarted(
          await start(program, { cache, cwd, args: [...first, "p2pchat", "--version"] }),
        );
        assertStarted(
          await start(program, { cache, cwd, args: [...first, "p2pchat", "--version"] }),
        );
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
  "p2pchat starts no other program with what is secret in its environment",
  unpacks,
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

      assertStarted(await start(BUILT, { cache: join(folder, "cache"), env }));

      for (const name of ["sha256sum", "stat", "gzip", "mktemp"]) {
        const given = await Deno.readTextFile(join(folder, `${name}.env`));
        assertMatch(given, /^PATH=/m);
        assertEquals(given.includes("hunter2"), false, name);
      }
    });
  },
);

Deno.test("p2pchat needs no environment, and none changes what runs", async (test) => {
  const cases: Record<string, Readonly<Record<string, string>>> = {
    "no PATH, no HOME": { PATH: "" },
    "flags for the engine": { DENO_V8_FLAGS: "--no-such-flag" },
    "options for Node": { NODE_OPTIONS: "--require=/no/such/file" },
    "log of the runtime": { DENO_LOG: "debug", RUST_LOG: "debug" },
    "another cache of the runtime": { DENO_DIR: "/dev/null" },
    "a home folder whose .npmrc cannot be read": { HOME: "/dev/null" },
  };
  for (const [name, env] of Object.entries(cases)) {
    await test.step(name, async () => {
      // The shell finds its own tools where PATH is empty only by the system's default.
      const args = ["-c", `${env["PATH"] === "" ? "unset PATH; " : ""}exec "$0" --version`, BUILT];
      assertStarted(
        await start("/bin/sh", {
          cache: await withoutProgram(),
          env: { ...env, PATH: Deno.env.get("PATH") ?? "" },
          args,
        }),
      );
    });
  }
});

Deno.test(
  "p2pchat says which variable isn't UTF-8 instead of breaking off, and takes what is",
  unpacks,
  async (test) => {
    await inTemporaryFolder(async (folder) => {
      const named = async (variable: string, bytes: string) => {
        const script = `${variable}="$2$(printf '${bytes}')" exec "$1" --version`;
        const args = ["-c", script, "sh", BUILT, `${folder}/place`];
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
  "p2pchat finds another folder where its cache cannot be written",
  unpacks,
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
          async () => assertStarted(await start(BUILT, { env: { ...env, TMPDIR } })),
        );
      }
      assertEquals([...Deno.readDirSync(TMPDIR)].map(({ name }) => name), [
        `p2pchat-${Deno.uid()}`,
      ]);
    });
  },
);

Deno.test("p2pchat uses no folder that another may have made for it", unpacks, async (test) => {
  await inTemporaryFolder(async (TMPDIR) => {
    const expected = join(TMPDIR, `p2pchat-${Deno.uid()}`);
    const planted = join(TMPDIR, "planted");
    await Deno.mkdir(planted);
    await Deno.symlink(planted, expected);

    await test.step("a link: a folder with a name nobody can guess", async () => {
      assertStarted(await start(BUILT, { env: { TMPDIR } }));
      assertEquals([...Deno.readDirSync(planted)], []);
    });
    await test.step({
      name: "another owner's folder",
      ignore: Deno.uid() !== 0,
      fn: async () => {
        await Deno.remove(expected);
        await Deno.mkdir(expected);
        await Deno.chown(expected, 65534, 65534);
        assertStarted(await start(BUILT, { env: { TMPDIR } }));
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
  "p2pchat keeps the three versions used last, and clears what killed starts left",
  unpacks,
  async () => {
    const cache = await withoutProgram();
    const folder = join(cache, "p2pchat");
    await makeVersions(
      folder,
      Object.fromEntries([1, 2, 3, 4, 5].map((age) => [`program-${age}`, age])),
    );
    for (const [name, days] of [["new.old", 3], ["new.fresh", 0]] as const) {
      await Deno.mkdir(join(folder, name));
      const changed = new Date(Date.now() - days * DAY_MS);
      await Deno.utime(join(folder, name), changed, changed);
    }

    assertStarted(await start(BUILT, { cache }));

    const { program, new: left } = await kept(folder);
    assertEquals(program.filter((name) => name.length < 12).sort(), ["program-1", "program-2"]);
    assertEquals(program.length, 3);
    assertEquals(left, ["new.fresh"]);
    for (const name of ["program-1", "program-2", "new.fresh"]) {
      await Deno.remove(join(folder, name), { recursive: true });
    }
  },
);

Deno.test(
  "p2pchat removes no version that was used within a day, or starts while it cleans",
  unpacks,
  async () => {
    const cache = await withoutProgram();
    const folder = join(cache, "p2pchat");
    const today = ["program-1", "program-2", "program-3", "program-4"];
    await makeVersions(folder, {
      ...Object.fromEntries(today.map((name, at) => [name, at / 10])),
      "program-old": 3,
      "program-starting": 4,
    });
    await inTemporaryFolder(async (bin) => {
      // The cleaning has been announced when it asks what was used: a start that was told nothing comes in before.
      const text = `#!/bin/sh
case $* in
  *program*) ls -d new.clean.* > "$BIN/seen" && : > program-starting/used ;;
esac
PATH=\${PATH#*:} exec ls "$@"
`;
      await Deno.writeTextFile(join(bin, "ls"), text.replaceAll(" ls ", " /bin/ls "), {
        mode: 0o700,
      });
      const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, BIN: bin };

      assertStarted(await start(BUILT, { cache, env }));

      assertMatch(await Deno.readTextFile(join(bin, "seen")), /^new\.clean\.\w+\n$/);
    });
    const { program, new: left } = await kept(folder);
    assertEquals(program.filter((name) => name.length < 30).sort(), [...today, "program-starting"]);
    assertEquals(left, []);
    for (const name of [...today, "program-starting"]) {
      await Deno.remove(join(folder, name), { recursive: true });
    }
  },
);

Deno.test(
  "p2pchat waits while another version cleans, and unpacks anew what that has removed",
  unpacks,
  async () => {
    const folder = join(sharedCache, "p2pchat");
    const { program } = await parts(folder);
    const cleaning = join(folder, "new.clean.another");
    await Deno.mkdir(cleaning);
    const long = new Date(Date.now() - DAY_MS);
    const used = join(program, "..", "used");
    await Deno.utime(used, long, long);

    const started = start(BUILT, { cache: sharedCache });
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

Deno.test("p2pchat says what is wrong where it cannot be unpacked", unpacks, async (test) => {
  await inTemporaryFolder(async (folder) => {
    const copy = join(folder, "p2pchat");
    const bytes = (await Deno.readFile(BUILT)).subarray(0, 1_000_000);
    // Of a version that this machine has unpacked nowhere.
    const program = new TextDecoder("latin1").decode(bytes).indexOf("program=program-");
    bytes.set(new TextEncoder().encode("program=program-none"), program);
    await Deno.writeFile(join(folder, "bytes"), bytes, { mode: 0o755 });
    await copyProgram(join(folder, "bytes"), copy);
    await test.step("an incomplete file", async () => {
      const { status, stderr } = await start(copy, {
        cache: join(folder, "cache"),
        env: { TMPDIR: folder },
      });
      assertStringIncludes(stderr, "has 1000000 bytes instead of");
      assertEquals(stderr.trimEnd().split("\n").length, 1);
      assertEquals(status, 5);
    });
  });
});

Deno.test("p2pchat says what to raise where it may open too few files", {
  ignore: unpacks.ignore || Deno.build.os !== "linux",
}, async () => {
  const within = async (files: number) => {
    const output = await new Deno.Command("sh", {
      args: ["-c", `ulimit -n ${files} && exec "$0" --version`, BUILT],
      env: { XDG_CACHE_HOME: sharedCache },
    }).output();
    return [output.code, new TextDecoder().decode(output.stderr)];
  };
  for (const files of [13, 16, 24, 63]) {
    const text = `error: p2pchat may open no more than ${files} files and sockets, and needs 64; ` +
      "raise the hard limit (ulimit -Hn, LimitNOFILE of a service) and start again\n";
    assertEquals(await within(files), [5, text]);
  }
  assertEquals(await within(64), [0, ""]);
});

Deno.test("p2pchat says that it finds no file in a folder to which the way is closed", {
  ignore: unpacks.ignore || Deno.build.os !== "linux" || Deno.uid() !== 0,
}, async () => {
  await inTemporaryFolder(async (folder) => {
    const shared = join(folder, "closed", "shared");
    await Deno.mkdir(shared, { recursive: true });
    await Deno.writeTextFile(join(shared, "users.txt"), "alice 127.0.0.1 5001\n");
    await Deno.mkdir(join(folder, "cache"));
    await copyProgram(BUILT, join(folder, "p2pchat"));
    const nobody = 65_534;
    await Deno.chown(join(folder, "cache"), nobody, nobody);
    await Deno.chmod(folder, 0o755);
    await Deno.chmod(join(folder, "closed"), 0o700);
    const script =
      `cd "$1" && exec setpriv --reuid=${nobody} --regid=${nobody} --clear-groups "$2" ` +
      "users check users.txt";
    const output = await new Deno.Command("sh", {
      args: ["-c", script, "sh", shared, join(folder, "p2pchat")],
      env: { XDG_CACHE_HOME: join(folder, "cache"), HOME: "" },
    }).output();
    assertStringIncludes(
      new TextDecoder().decode(output.stderr),
      "error: Cannot use users.txt: the folder in which this program was started lies in one that this user may not enter",
    );
    assertEquals(output.code, 5);
  });
});

Deno.test("p2pchat leaves nothing when its first start is broken off", unpacks, async () => {
  await inTemporaryFolder(async (cache) => {
    const process = new Deno.Command(BUILT, {
      args: ["--version"],
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", XDG_CACHE_HOME: cache },
      stdout: "null",
      stderr: "null",
    }).spawn();
    const ended = process.status;
    await Promise.race([made(cache, "new."), ended]);
    process.kill("SIGTERM");
    assertEquals((await ended).success, false);

    assertEquals((await kept(join(cache, "p2pchat"))).new, []);
    assertStarted(await start(BUILT, { cache }));
  });
});

/** Waits until a name below `cache` starts with `beginning`. */
async function made(cache: string, beginning: string): Promise<void> {
  using watcher = Deno.watchFs(cache, { recursive: true });
  const isThere = () => {
    try {
      return [...Deno.readDirSync(join(cache, "p2pchat"))].some(({ name }) =>
        name.startsWith(beginning)
      );
    } catch {
      return false;
    }
  };
  if (isThere()) return;
  for await (const _ of watcher) if (isThere()) return;
}

Deno.test("p2pchat goes on when its cache is removed, and gets the signals itself", async () => {
  await inTemporaryFolder(async (folder) => {
    const cache = join(folder, "cache");
    const env = { XDG_CACHE_HOME: cache };
    await using member = await Node.ready("Ann", null, { env });
    if (unpacks.ignore === false) await Deno.remove(cache, { recursive: true });

    await member.say("still here");
    await member.until(({ event }) => event === "message");
    member.signal("SIGTERM");

    const { code, last } = await member.ended();
    assertEquals([code, last?.event], [0, "bye"]);
  });
});
