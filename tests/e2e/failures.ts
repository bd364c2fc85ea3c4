/** How a run of `./p2pchat` fails: its last line or event, and its exit status. */

import { assert, assertEquals } from "@std/assert";
import { PROGRAM } from "./node.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

export interface Failure {
  readonly code: string;
  readonly status: number;
  readonly text: string;
}

/**
 * Runs the program to its end in both forms of output, and checks what all failures have in common.
 * @param isShared Whether both runs must use the same folder; they then run one after the other.
 * @returns The failure, which is the same in both forms.
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
  assertOneSentence(last.text);
  return { code: last.code, status: json.status, text: last.text };
}

/** As `failureOf`, with `--json` alone: that the other form says the same needs no proof for each failure. */
export async function jsonFailureOf(args: readonly string[], data: string): Promise<Failure> {
  const { status, stdout, stderr } = await outputOf([...args, "--json", "--data", data]);
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  assertEquals([stderr, last.event], ["", "fatal"]);
  assertOneSentence(last.text);
  return { code: last.code, status, text: last.text };
}

/** Checks that a text is for users. */
function assertOneSentence(text: string): void {
  assert(!/\n|internal| {4}at |\.ts:\d|os error|--allow|TypeError/.test(text), text);
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

/** Calls `run` with a temporary folder. */
export async function inTemporaryFolder(run: (folder: string) => Promise<void>): Promise<void> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-errors-" });
  const folder = temporary.path;
  await run(folder);
}
