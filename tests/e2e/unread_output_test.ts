/** A program whose output nobody reads: the pipe is full, and still the program ends in time. */

import { assert, assertEquals } from "@std/assert";
import { FriendsGroup } from "./friends_group.ts";
import { BUSY_MS, PROGRAM } from "./node.ts";
import { sideBySide } from "./side_by_side.ts";

/** The longest time from the request to leave until the program has ended. */
const LEAVE_MS_MAX = 15_000 + BUSY_MS;
/** A line that is far longer than a pipe's buffer; it is shown to its sender, and so is as much output. */
const LINE = "x".repeat(40_000);
/** Few enough lines that the program goes on reading, and so many that it doesn't. */
const SOME_LINES = 10;
const MANY_LINES = 60;

interface Mode {
  readonly name: string;
  args(group: FriendsGroup): readonly string[];
  readonly line: string;
}

const MODES: readonly Mode[] = [
  {
    name: "peer --users",
    args: (group) => ["peer", "alice", "--users", group.file, "--host", "127.0.0.1"],
    line: `alice/${LINE}`,
  },
  {
    name: "mesh",
    args: () => ["mesh", "alice", "--host", "127.0.0.1", "--port", "0"],
    line: LINE,
  },
];

class Unread implements AsyncDisposable {
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(readonly group: FriendsGroup, readonly child: Deno.ChildProcess) {
    this.#stdin = child.stdin.getWriter();
    this.#stdout = child.stdout.getReader();
  }

  static async start({ args }: Mode): Promise<Unread> {
    const group = new FriendsGroup("alice", "bob");
    const command = new Deno.Command(PROGRAM, {
      args: [...args(group), "--json", "--data", group.data("alice")],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    });
    const unread = new Unread(group, command.spawn());
    // Whatever it says first: from then on it takes input and signals. Nothing is read after it.
    const { value } = await unread.#stdout.read();
    assert(new TextDecoder().decode(value).includes('"ready"'));
    return unread;
  }

  /** Types up to this many lines, as long as the program reads them. */
  async fill(line: string, lines: number): Promise<void> {
    const bytes = new TextEncoder().encode(`${line}\n`);
    for (let n = 0; n < lines; n++) {
      const isTaken = await within(1_000, this.#stdin.write(bytes).catch(() => {}));
      if (!isTaken) break;
    }
    await within(500, new Promise(() => {})); // what was typed last is stored and shown
  }

  async endInput(): Promise<void> {
    await within(1_000, this.#stdin.close());
  }

  async assertEnds(): Promise<void> {
    assert(await within(LEAVE_MS_MAX, this.child.status), `it runs after ${LEAVE_MS_MAX} ms`);
    assertEquals((await this.child.status).code, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.child.status;
    await this.#stdin.abort().catch(() => {});
    await this.#stdout.cancel();
    await this.group[Symbol.asyncDispose]();
  }
}

/** Whether `work` was done within `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

const tests: Record<string, () => Promise<void>> = {};
for (const mode of MODES) {
  for (const lines of [SOME_LINES, MANY_LINES]) {
    tests[`${mode.name} ends by SIGTERM with ${lines} lines of it`] = async () => {
      await using program = await Unread.start(mode);
      await program.fill(mode.line, lines);
      program.child.kill("SIGTERM");
      await program.assertEnds();
    };
  }

  tests[`${mode.name} ends at the end of input`] = async () => {
    await using program = await Unread.start(mode);
    await program.fill(mode.line, SOME_LINES);
    await program.endInput();
    await program.assertEnds();
  };
}
sideBySide("output that nobody reads", tests);
