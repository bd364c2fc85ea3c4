/**
 * Commands that do one thing and end, run in this process, which keeps its rights: what they print, and the exit
 * status.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { asksForJson, parseCommandLine } from "../../lib/cli/args/arguments.ts";
import { COMMANDS } from "../../lib/cli/program.ts";
import { endingOf } from "../../lib/cli/session/answers.ts";

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command printed with `--json`, and nothing beside it: the objects, without their times. */
export function printedEvents({ stdout, stderr }: Pick<Ran, "stdout" | "stderr">) {
  assertEquals(stderr, "");
  return stdout.trimEnd().split("\n").map((text) => {
    const { at, ...event } = JSON.parse(text);
    assertMatch(at, /^\d{4}-.*Z$/);
    return event;
  });
}

/** The exit status of the program after an answer. */
const SUCCESS = 0;

/**
 * Runs `p2pchat WORDS` with the data folder `home`, where nobody can be asked. One at a time: what this process prints meanwhile is taken for the
 * command's.
 */
export async function ran(words: readonly string[], home: string): Promise<Ran> {
  const printed = { stdout: "", stderr: "" };
  const restoring = [Deno.stdin, Deno.stdout, Deno.stderr].map(notAtTerminal);
  const [stdout, stderr] = [taken(Deno.stdout), taken(Deno.stderr)];
  const variable = (name: string) => name === "P2PCHAT_HOME" ? home : undefined;
  let status = SUCCESS;
  try {
    const request = parseCommandLine(words, COMMANDS, variable);
    if (request.type !== "run") throw new Error(`no command is run by ${words.join(" ")}`);
    await request.run();
  } catch (error) {
    const ending = endingOf(error, asksForJson(words, COMMANDS), Date.now());
    status = ending.status;
    printed[ending.channel] = ending.text;
  } finally {
    for (const restore of restoring) restore();
    printed.stdout = stdout() + printed.stdout;
    printed.stderr = stderr() + printed.stderr;
  }
  return { status, ...printed };
}

/** @returns Ends that. */
function notAtTerminal(stream: { isTerminal(): boolean }): () => void {
  const { isTerminal } = stream;
  stream.isTerminal = () => false;
  return () => void (stream.isTerminal = isTerminal);
}

/** Takes what is written to a stream. @returns Ends that, and returns what was written. */
function taken(stream: Pick<typeof Deno.stdout, "write">): () => string {
  const decoder = new TextDecoder();
  const { write } = stream;
  let text = "";
  stream.write = (bytes) => {
    text += decoder.decode(bytes, { stream: true });
    return Promise.resolve(bytes.length);
  };
  return () => {
    stream.write = write;
    return text;
  };
}
