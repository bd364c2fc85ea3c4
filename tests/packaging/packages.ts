/** What `make npm deb oci packaging` makes of a copy of the sources, once for all tests of packages. */

import { assertEquals } from "@std/assert";
import { copy } from "@std/fs";
import { fileURLToPath } from "node:url";
import { TemporaryFolder } from "../temporary_folder.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The time of the commit of which packages are made. */
export const COMMITTED = 1_700_000_000;

const decoder = new TextDecoder();

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(
  [program, ...args]: readonly [string, ...string[]],
  options: Pick<Deno.CommandOptions, "cwd" | "env" | "clearEnv"> = {},
): Promise<Ran> {
  const output = await new Deno.Command(program, { args, stdin: "null", ...options }).output();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Whether this machine has a program. */
export function has(program: string): boolean {
  const args = ["-c", 'command -v "$0"', program];
  return new Deno.Command("sh", { args, stdout: "null" }).outputSync().success;
}

/** For tests that change what only they see: file systems of their own, in which they are root. */
export const IS_APART = Deno.build.os === "linux" && Deno.uid() === 0 && has("unshare") &&
  has("setpriv") && has("ip") &&
  new Deno.Command("unshare", { args: ["-mn", "mount", "-t", "tmpfs", "tmpfs", "/mnt"] })
    .outputSync().success;

/** A test that can't run here says why. @returns What `Deno.test` takes. */
export function needs(...needed: readonly (readonly [is: boolean, what: string])[]): {
  readonly ignore: boolean;
} {
  const missing = needed.filter(([is]) => !is).map(([, what]) => what);
  if (missing.length > 0) skipped(missing.join(", "));
  return { ignore: missing.length > 0 };
}

/** Says what is missing on this machine, so that a part of a test is left out. */
export function skipped(what: string): void {
  // deno-lint-ignore no-console -- for whoever reads the log of the tests
  console.log(`skipped: this machine has no ${what}`);
}

/** Copies the sources into a folder, and makes the packages there that can be made on this machine. */
export async function makePackages(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const sources = ["deno.json", "deno.lock", "lib", "main.ts", "packaging", "systemd", "tools"];
  for (const name of [...sources, "vendor", "Makefile", "README.md", "LICENSE", "CHANGELOG.md"]) {
    await copy(`${ROOT}/${name}`, `${folder}/${name}`);
  }
  await Deno.symlink(`${ROOT}/.deno`, `${folder}/.deno`);
  if (env["SOURCE_DATE_EPOCH"] === undefined) {
    const author = ["-c", "user.name=a", "-c", "user.email=a@b.example"];
    const at = `${COMMITTED} +0000`;
    await run(["git", "init", "-q"], { cwd: folder });
    await run(["git", ...author, "commit", "-q", "--allow-empty", "-m", "Sources"], {
      cwd: folder,
      env: { GIT_AUTHOR_DATE: at, GIT_COMMITTER_DATE: at },
    });
  }
  const targets = ["npm", ...has("dpkg-deb") ? ["deb"] : []];
  if (Deno.build.os === "linux") targets.push("oci");
  targets.push("packaging"); // the sums are of what is there
  const made = await run(
    ["sh", "-c", 'umask "$0" && make -s "$@"', env["UMASK"] ?? "022", ...targets],
    { cwd: folder, env: { ...env } },
  );
  assertEquals([made.code, made.stderr], [0, ""]);
}

let folder: string | null = null;
let made: Promise<void> | null = null;

/** The folder of the packages. */
export async function packages(): Promise<string> {
  folder ??= await Deno.makeTempDir({ prefix: "p2pchat packages " });
  made ??= makePackages(folder, has("git") ? {} : { SOURCE_DATE_EPOCH: String(COMMITTED) });
  await made;
  return `${folder}/build/packages`;
}

/** The package whose name ends so. */
export async function packaged(end: string): Promise<string> {
  const all = await packages();
  for await (const { name } of Deno.readDir(all)) if (name.endsWith(end)) return `${all}/${name}`;
  throw new Error(`no ${end} in ${all}`);
}

/** The files below a folder, by their paths in it. Folders alone are no trace of anything. */
export async function filesBelow(top: string, below = ""): Promise<readonly string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${top}${below}`)) {
    if (isDirectory) files.push(...await filesBelow(top, `${below}/${name}`));
    else files.push(`${below}/${name}`);
  }
  return files.sort();
}

export async function sha256(path: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(bytes).toHex();
}

/** Runs `use` with a temporary folder. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat packaging " });
  await use(temporary.path);
}

Deno.test.afterAll(async () => {
  if (folder !== null) await Deno.remove(folder, { recursive: true });
});
