/**
 * The built `./p2pchat` as a file: it starts from anywhere, several times at once, and after its cache was damaged.
 * The form that `deno compile` makes unpacks nothing; for it only the tests of both forms are run. What the launcher
 * does by itself is in launcher_test.ts.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { copy } from "@std/fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Node } from "./node.ts";
import {
  assertStarted,
  copyProgram,
  inTemporaryFolder,
  kept,
  parts,
  start,
  VERSION_LINE,
} from "./launched.ts";
import { residentBytes } from "./proc.ts";

const SOURCES = fileURLToPath(new URL("../..", import.meta.url));
const BUILT = join(SOURCES, "p2pchat");

async function isSelfExtracting(): Promise<boolean> {
  using file = await Deno.open(BUILT);
  const head = new Uint8Array(2);
  await file.read(head);
  return new TextDecoder().decode(head) === "#!";
}

const unpacks = { ignore: !(await isSelfExtracting()) };
/** As the unpacked runtime is large, most tests share one cache, which the first of them fills. */
const sharedCache = await Deno.makeTempDir({ prefix: "p2pchat cache " });

Deno.test.afterAll(() => Deno.remove(sharedCache, { recursive: true }));

const measured = { ignore: unpacks.ignore || Deno.build.os !== "linux" };

Deno.test(
  "p2pchat on a machine where it never ran: broken off, then started twice at once, and its cache damaged and taken away",
  measured,
  async (test) => {
    const cache = sharedCache;
    const env = { XDG_CACHE_HOME: cache };
    const folder = join(cache, "p2pchat");
    await test.step("a start that is broken off leaves nothing", async () => {
      const process = new Deno.Command(BUILT, {
        args: ["--version"],
        clearEnv: true,
        env: { PATH: Deno.env.get("PATH") ?? "", ...env },
        stdout: "null",
        stderr: "null",
      }).spawn();
      const ended = process.status;
      await Promise.race([made(cache, "new."), ended]);
      process.kill("SIGTERM");
      assertEquals((await ended).success, false);
      assertEquals((await kept(folder)).new, []);
    });

    // The first of them uses no more memory, just unpacked, than those that come later.
    const [other, first] = await Promise.all([
      start(BUILT, { cache, args: ["mesh", "--version"] }),
      Node.ready("Ann", null, { env }),
    ]);
    await using ann = first;
    await test.step("both start, and one of each part is kept", async () => {
      assertStarted(other);
      const { program, mesh, runtime, new: left } = await kept(folder);
      assertEquals([program.length, mesh.length, runtime.length, left], [0, 1, 1, []]);
      await using later = await Node.ready("Bob", null, { env });
      const [atFirst, then] = [await residentBytes(ann.pid), await residentBytes(later.pid)];
      assert(atFirst < 1.3 * then, `${atFirst} bytes, then ${then}`);
    });

    // After a kill, of several that start at once one may find such a database locked, and replace it. While a
    // process lives that has the old one open, each new process would find it empty, and replace it again.
    await test.step("what was compiled is kept although the runtime replaced its databases", async () => {
      const { program } = await parts(folder, "mesh");
      for (const database of ["dep_analysis_cache_v2", "v8_code_cache_v2"]) {
        await Deno.remove(join(program, "..", "cache", database));
        await Deno.writeFile(join(program, "..", "cache", database), new Uint8Array());
        await Deno.remove(join(program, "..", "cache", `${database}-wal`));
      }
      assertStarted(await start(BUILT, { cache, args: ["mesh", "--version"] }));
      await using next = await Node.ready("Bob", null, { env });
      const [before, after] = [await residentBytes(ann.pid), await residentBytes(next.pid)];
      assert(after < 1.3 * before, `${after} bytes, ${before} before`);
      assertEquals((await kept(folder)).new, []);
    });

    await test.step("it goes on when its cache is removed, and gets the signals itself", async () => {
      await Deno.rename(folder, `${folder}-gone`);
      await ann.say("still here");
      await ann.until(({ event }) => event === "message");
      await ann.ask("status");
      ann.signal("SIGTERM");
      const { code, last } = await ann.ended();
      assertEquals([code, last?.event], [0, "bye"]);
      await Deno.rename(`${folder}-gone`, folder);
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
  assertStarted(await start(BUILT, { cache: sharedCache }));
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

/** Bytes of the database of what a first start has compiled, and of its log. */
async function compiledAtFirst(): Promise<{ readonly database: number; readonly log: number }> {
  return await inTemporaryFolder(async (cache) => {
    assertStarted(await start(BUILT, { cache }));

    const { program } = await parts(join(cache, "p2pchat"));
    const database = join(program, "..", "cache", "v8_code_cache_v2");
    const size = async (path: string) => (await Deno.stat(path)).size;
    return { database: await size(database), log: await size(`${database}-wal`) };
  });
}

Deno.test(
  "What the first start compiled lies in its database, not in a log of single pages",
  unpacks,
  async () => {
    let compiled = await compiledAtFirst();
    // The runtime stores what it compiled on a thread of its own, and doesn't wait for that at its end. On a busy machine
    // the process that is there for compiling loses some of it so, which the program itself then adds to the log.
    for (let tries = 1; tries < 4 && compiled.log >= 100_000; tries++) {
      compiled = await compiledAtFirst();
    }

    assert(compiled.database > 500_000, "nothing was compiled, or it isn't in the database");
    assert(compiled.log < 100_000, "the log is still there");
  },
);

Deno.test("p2pchat starts although the runtime's own cache was damaged", unpacks, async () => {
  assertStarted(await start(BUILT, { cache: sharedCache }));
  const { program } = await parts(join(sharedCache, "p2pchat"));
  const folder = join(program, "..", "cache");
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile) await Deno.writeTextFile(join(folder, name), "damaged! ".repeat(1000));
  }

  assertStarted(await start(BUILT, { cache: sharedCache }));
});

Deno.test("p2pchat starts in a folder that was removed, and says so of a file there", async () => {
  await inTemporaryFolder(async (cwd) => {
    const within = (words: string) => {
      const script = `mkdir gone && cd gone && rmdir ../gone && exec "$1" ${words}`;
      return start("/bin/sh", { cache: sharedCache, args: ["-c", script, "sh", BUILT], cwd });
    };
    const { status, stdout } = await within("--version");
    assertMatch(stdout, VERSION_LINE);
    assertEquals(status, 0);

    const refused = await within("users add t.txt Al ::1 5003");
    assertStringIncludes(
      refused.stderr,
      "error: Cannot use t.txt: the folder in which this program was started has been removed",
    );
    assertEquals(refused.status, 5);
  });
});

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
          cache: sharedCache,
          env: { ...env, PATH: Deno.env.get("PATH") ?? "" },
          args,
        }),
      );
    });
  }
});

Deno.test("p2pchat says what is wrong where it cannot be unpacked", unpacks, async (test) => {
  await inTemporaryFolder(async (folder) => {
    const copy = join(folder, "p2pchat");
    const bytes = (await Deno.readFile(BUILT)).subarray(0, 1_000_000);
    // Of a version that this machine has unpacked nowhere.
    const program = new TextDecoder("latin1").decode(bytes).indexOf("program=regserver-");
    bytes.set(new TextEncoder().encode("program=regserver-none"), program);
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
