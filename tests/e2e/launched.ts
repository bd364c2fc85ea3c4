/** Starts of a file that unpacks itself, as `./p2pchat` does, and what they leave in its cache. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { TemporaryFolder } from "../temporary_folder.ts";

export const VERSION_LINE = /^p2pchat \d+\.\d+\.\d+\n$/;
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Start {
  /** The folder for the program's cache, in tests of unpacking. */
  readonly cache?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly args?: readonly string[];
}

export async function start(program: string, options: Start = {}): Promise<Ended> {
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
export async function copyProgram(from: string, to: string): Promise<void> {
  const { success } = await new Deno.Command("cp", { args: [from, to] }).output();
  assertEquals(success, true);
}

export function assertStarted({ status, stdout, stderr }: Ended): void {
  assertEquals(stderr, "");
  assertMatch(stdout, VERSION_LINE);
  assertEquals(status, 0);
}

export async function inTemporaryFolder<Result>(
  run: (folder: string) => Promise<Result>,
): Promise<Result> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat build " });
  const folder = temporary.path;
  return await run(folder);
}

/** The names in the launcher's cache `folder`, by their first word. */
export async function kept(
  folder: string,
): Promise<Record<"program" | "mesh" | "regserver" | "runtime" | "new", string[]>> {
  const found: Awaited<ReturnType<typeof kept>> = {
    program: [],
    mesh: [],
    regserver: [],
    runtime: [],
    new: [],
  };
  for await (const { name } of Deno.readDir(folder)) {
    const kind = name.split(/[-.]/)[0] as keyof typeof found;
    assert(kind in found, `${name} in ${folder}`);
    found[kind].push(name);
  }
  return found;
}

/** The paths of two unpacked files below `folder`: of what tells the version, or another program, and the runtime. */
export async function parts(
  folder: string,
  name: "program" | "mesh" | "regserver" = "regserver",
): Promise<{ program: string; runtime: string }> {
  const { [name]: programs, runtime } = await kept(folder);
  assertEquals([programs.length, runtime.length], [1, 1]);
  return {
    program: join(folder, programs[0]!, "p2pchat.js"),
    runtime: join(folder, runtime[0]!, "p2pchat"),
  };
}
