import { assert, assertEquals, assertRejects } from "@std/assert";
import { lchownSync } from "node:fs";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  downloadsOf,
  filesNeeded,
  type SharingOptions,
} from "../../../lib/cli/files/file_arguments.ts";
import { sendableOf } from "../../../lib/cli/args/least_privilege.ts";
import type { CommandLine } from "../../../lib/cli/args/options.ts";

/** Nothing is given. */
const LINE = {
  words: [],
  common: { dataFolder: "/nowhere" },
  value: () => undefined,
  isOn: () => false,
} as unknown as CommandLine;

Deno.test("what may be sent is found with each folder listed once, and without what is hidden in one's home", async () => {
  const above = await Deno.realPath(await Deno.makeTempDir({ prefix: "p2pchat-home-" })); // in /tmp
  const home = `${above}/home`;
  for (const name of ["", "Downloads", "photos", ".ssh"]) Deno.mkdirSync(`${home}/${name}`);
  Deno.symlinkSync("photos", `${home}/linked`);
  Deno.symlinkSync(above, `${home}/around`);
  const before = { home: Deno.env.get("HOME"), folder: Deno.cwd(), list: Deno.readDirSync };
  const listed: string[] = [];
  Deno.readDirSync = (path) => (listed.push(String(path)), before.list(path));
  Deno.env.set("HOME", home);
  try {
    for (const folder of [home, `${home}/photos`, above]) {
      Deno.chdir(folder);
      const needs = await filesNeeded(LINE);

      assertEquals(listed.length, new Set(listed).size, listed.join());
      assert(listed.splice(0).includes(home));
      const inHome = needs.filter(({ path }) => path.startsWith(`${home}/`));
      const paths = inHome.map(({ path, isReal }) => [path.slice(home.length + 1), isReal]);
      const inside = folder.endsWith("photos") ? [["photos", undefined]] : [];
      const visible = [["Downloads", true], ["linked", false], ["photos", true], ...inside];
      assertEquals(paths.sort(), visible.sort());
      assert(!needs.some(({ path }) => `${home}/.ssh/`.startsWith(`${path}/`)));
    }
  } finally {
    Deno.readDirSync = before.list;
    Deno.chdir(before.folder);
    if (before.home !== undefined) Deno.env.set("HOME", before.home);
    await Deno.remove(above, { recursive: true });
  }
});

Deno.test("of a folder with more than 500 names its folders may be sent, and the files changed last", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-home-" });
  await Deno.mkdir(`${folder}/photos`);
  for (let at = 0; at <= 500; at++) {
    Deno.writeTextFileSync(`${folder}/${at}`, "");
    Deno.utimeSync(`${folder}/${at}`, at, at);
  }
  const names = sendableOf(folder, [...Deno.readDirSync(folder)]).map(({ name }) => name);
  assertEquals([...names.slice(0, 2), ...names.slice(498)], ["photos", "500", "3", "2"]);
  await Deno.remove(folder, { recursive: true });
});

const AS_ROOT = Deno.uid() === 0;
const THEIRS = 'XDG_DOWNLOAD_DIR="$HOME/theirs"';
/** What the desktop says, in `.config/user-dirs.dirs`, which of two folders are there, and where files go then. */
const DOWNLOADS: readonly (readonly [string | null, readonly string[], string])[] = [
  [null, [], "/data/downloads"],
  ['# ...\nXDG_DOWNLOAD_DIR="$HOME/Mes \\"fichiers"', ['Mes "fichiers'], 'HOME/Mes "fichiers'],
  ['XDG_DOWNLOAD_DIR="/a"\n XDG_DOWNLOAD_DIR="/var/tmp/"\n', ["Downloads"], "/var/tmp"],
  ['XDG_DOWNLOAD_DIR="$HOME/gone"', ["Downloads"], "HOME/Downloads"],
  ['XDG_DOWNLOAD_DIR="$HOME/"', [], "/data/downloads"],
  ['XDG_DOWNLOAD_DIR="$HOME/around"', ["Downloads"], "HOME/Downloads"],
  ['XDG_DOWNLOAD_DIR="$HOME/everybodys/in"', ["everybodys", "everybodys/in"], "/data/downloads"],
  ...(AS_ROOT ? [[THEIRS, ["Downloads"], "HOME/Downloads"] as const] : []),
  ['XDG_DOWNLOAD_DIR="relative"', ["relative"], "/data/downloads"],
];

for (const [config, folders, expected] of DOWNLOADS) {
  Deno.test(`files that are fetched go to ${expected} with ${config} and ${folders}`, async () => {
    const options = { dataFolder: "/data", save: null, downloads: null } as SharingOptions;
    const before = Deno.env.get("HOME");
    const home = await Deno.makeTempDir({ prefix: "p2pchat-home-" });
    for (const folder of [".config", ...folders]) Deno.mkdirSync(`${home}/${folder}`);
    if (folders.includes("everybodys")) Deno.chmodSync(`${home}/everybodys`, 0o777);
    Deno.symlinkSync(".", `${home}/around`);
    Deno.symlinkSync("/var/tmp", `${home}/theirs`);
    if (AS_ROOT) lchownSync(`${home}/theirs`, 12_002, 12_002);
    if (config !== null) Deno.writeTextFileSync(`${home}/.config/user-dirs.dirs`, config);
    Deno.env.set("HOME", home);
    try {
      assertEquals(downloadsOf(options, true), expected.replace("HOME", home));
    } finally {
      if (before !== undefined) Deno.env.set("HOME", before);
      await Deno.remove(home, { recursive: true });
    }
  });
}

Deno.test("a folder that --save names is made at the start, and refused where nothing can be saved in it", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "p2pchat-save-" }));
  const needed = (save: string) => {
    const value = (name: string) => name === "save" ? save : undefined;
    return filesNeeded({ ...LINE, common: { dataFolder: folder }, value } as CommandLine);
  };
  try {
    Deno.mkdirSync(`${folder}/users`);
    Deno.symlinkSync("users", `${folder}/link`);
    for (const _ of ["made", "there"]) {
      await needed(`${folder}/new/one`);
      assertEquals([...Deno.readDirSync(`${folder}/new/one`)], []);
    }
    Deno.writeTextFileSync(`${folder}/file`, "");
    const cases = [
      [`${folder}/file`, "it is no folder"],
      [`${folder}/file/x`, "it can't be made: Not a directory"],
      [`${folder}/link/Ann/mesh`, "profiles are there"],
      ["/proc", "no file can be made in it: "],
    ] as const;
    for (const [path, why] of cases) {
      const { code, message } = await assertRejects(() => needed(path), P2pchatError);
      assertEquals(code, "disk");
      assert(message.startsWith(`Cannot save files in ${path}: ${why}`), message);
      assert(message.endsWith("; name another folder with --save"), message);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
