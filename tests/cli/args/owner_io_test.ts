import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { lchownSync } from "node:fs";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { RECEIVED, refuseOthersPath, refuseSharedFolder } from "../../../lib/cli/args/owner.ts";
import { openLog } from "../../../lib/cli/session/log.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";

const OTHER = 12_002;
const asRoot = { ignore: Deno.uid() !== 0 };

/** A folder with `own`, `other` (another user's), links to `own` by both, and `folder`, another user's link to it. */
async function inFolder(test: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-others-" });
  try {
    await Deno.writeTextFile(`${folder}/own`, "mine");
    await Deno.writeTextFile(`${folder}/other`, "");
    await Deno.chmod(`${folder}/other`, 0o666);
    await Deno.symlink("own", `${folder}/own-link`);
    await Deno.symlink("own", `${folder}/link`);
    await Deno.symlink("own-link", `${folder}/through`);
    await Deno.symlink(".", `${folder}/folder`);
    await Deno.symlink("./new", `${folder}/dangling`);
    await Deno.symlink("link", `${folder}/own-link-to-link`);
    for (const name of ["other", "link", "through", "folder", "dangling"]) {
      lchownSync(`${folder}/${name}`, OTHER, OTHER);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function refused(path: string): void {
  const error = assertThrows(() => refuseOthersPath(path), P2pchatError);
  assertEquals(error.code, "not-allowed");
  assertMatch(
    error.message,
    /belongs to user 12002 of this machine, and this is user 0; run this as/,
  );
}

Deno.test(
  "what is written is neither another user's file, nor behind another's link",
  asRoot,
  () =>
    inFolder((folder) => {
      const names = [
        "other",
        "link",
        "through",
        "dangling",
        "own-link-to-link",
        "folder/own",
        "folder/x",
      ];
      for (const name of [...names, "./folder/../folder/own"]) {
        refused(`${folder}/${name}`);
      }
    }),
);

Deno.test(
  "what is one's own is written, by a link of one's own too",
  asRoot,
  () =>
    inFolder((folder) => {
      const written = ["own", "own-link", "new", "no/folder/there"].map((name) =>
        `${folder}/${name}`
      );
      for (const path of [...written, "/dev/null", "/dev/stderr", "/"]) {
        refuseOthersPath(path);
      }
    }),
);

Deno.test(
  "a store and a log refuse another user's file when they open it, too",
  asRoot,
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/other`;
      const disk = new RealDisk();
      for (
        const open of [
          () => disk.openAppend(path),
          () => disk.tryLock(path, "1"),
          () => openLog({ logFile: path, verbose: false }),
        ]
      ) {
        const error = await assertRejects(async () => void await open(), P2pchatError);
        assertEquals(error.code, "disk");
        assertMatch(error.message, /it belongs to user 12002 of this machine/);
      }
      assertEquals(await Deno.readTextFile(path), "");
      assertEquals((await disk.stat(path))?.otherUser, OTHER);
    }),
);

Deno.test("a socket is made in a folder to which nobody else can write, nor to one above it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-sockets-" }); // in one to which all can write
  await Deno.mkdir(`${folder}/in`);
  await Deno.symlink("in", `${folder}/link`);
  const refused = (path: string, at: string) => {
    const error = assertThrows(() => refuseSharedFolder(`${folder}/${path}`), P2pchatError);
    assertEquals(error.code, "not-allowed");
    assertMatch(error.message, new RegExp(`others of this machine can write to ${at}, `));
  };
  for (const path of ["irc", "in/irc", "link/irc", "missing/irc"]) {
    refuseSharedFolder(`${folder}/${path}`);
  }
  for (const mode of [0o720, 0o702, 0o1777]) {
    await Deno.chmod(`${folder}/in`, mode);
    for (const path of ["in/irc", "link/irc"]) refused(path, `${folder}/in`);
  }
  await Deno.chmod(`${folder}/in`, 0o755);
  await Deno.chmod(folder, 0o777);
  refused("in/irc", folder);
  await Deno.chmod(folder, 0o1777);
  refuseSharedFolder(`${folder}/in/irc`);

  await Deno.remove(folder, { recursive: true });
});

Deno.test(
  "a socket isn't made in another user's folder, or below one",
  asRoot,
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-sockets-" });
    await Deno.mkdir(`${folder}/in`);
    await Deno.chown(folder, OTHER, OTHER);
    for (const path of ["irc", "in/irc"]) {
      const error = assertThrows(() => refuseSharedFolder(`${folder}/${path}`), P2pchatError);
      assertEquals(error.code, "not-allowed");
      assertMatch(error.message, /belongs to user 12002 of this machine/);
    }
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test(
  "files are received in no folder in whose place another user can put a link",
  asRoot,
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-received-" });
    const into = `${folder}/in`;
    await Deno.mkdir(into);
    const received = () => refuseSharedFolder(into, RECEIVED);
    const refused = (why: RegExp) => {
      const error = assertThrows(received, P2pchatError);
      assertEquals(error.code, "not-allowed");
      assertMatch(error.message, why);
    };
    received();
    await Deno.chmod(into, 0o1777); // others may add to it
    received();
    await Deno.chmod(folder, 0o775); // by its own group
    received();
    await Deno.chown(folder, null, OTHER);
    refused(
      /^Cannot save files in .* can write to .*, could put theirs in its place, and would choose/,
    );
    await Deno.chmod(folder, 0o1777);
    received();
    await Deno.chown(into, OTHER, OTHER);
    refused(/others of this machine can write to/); // its owner can rename it
    await Deno.chmod(folder, 0o755);
    received();
    await Deno.chown(folder, OTHER, OTHER);
    refused(/belongs to user 12002 of this machine/);
    await Deno.remove(folder, { recursive: true });
  },
);
