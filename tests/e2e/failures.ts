/** How a run of `./p2pchat` fails: its last words, and its exit status. */

import { assert, assertEquals } from "@std/assert";
import { PROGRAM } from "./node.ts";

export interface Failure {
  readonly code: string;
  readonly status: number;
  readonly text: string;
}

/**
 * Runs the program to its end, in both forms of output, and checks what is true of every failure.
 * @param isShared Whether both runs must find the same folder: one after the other then.
 * @returns What it failed with, the same in both.
 */
export async function failureOf(
  args: readonly string[],
  data: string,
  isShared = false,
): Promise<Failure> {
  const inText = outputOf([...args, "--data", data]);
  if (isShared) await inText;
  const jsonData = isShared ? data : `${data}-json`;
  const [text, json] = await Promise.all([
    inText,
    outputOf([...args, "--json", "--data", jsonData]),
  ]);
  const last = JSON.parse(json.stdout.trimEnd().split("\n").at(-1)!);

  assertEquals(text.stderr.split("\n").length, 2, `one line: ${text.stderr}`);
  assertEquals(json.stderr, "");
  assertEquals(last.event, "fatal");
  assertEquals(text.stderr, `error: ${last.text}\n`);
  assertEquals(text.status, json.status);
  assert(!/internal|\n {4}at |\.ts:\d|os error|--allow|TypeError/.test(last.text), last.text);
  return { code: last.code, status: json.status, text: last.text };
}

/** Runs the program to its end, with an empty input. */
export async function outputOf(
  args: readonly string[],
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  const output = await new Deno.Command(PROGRAM, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return {
    status: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** A folder that is there as long as `run` takes. */
export async function inTemporaryFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-errors-" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
