import { assertEquals, assertRejects } from "@std/assert";
import type { Clock } from "../../../lib/base/machine/clock.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { givenPassword, passwordIn } from "../../../lib/cli/credentials/password_source.ts";
import type { Streams } from "../../../lib/cli/streams/streams.ts";
import { TemporaryFolder } from "../../temporary_folder.ts";

/** The password that is taken from a file with these bytes. */
async function taken(content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "p2pchat-password-" });
  try {
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    return await passwordIn(path, () => Promise.resolve());
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("passwordIn() takes a file without its line's end", async () => {
  for (const end of ["", "\n", "\r\n"]) {
    assertEquals(await taken(`correct horse${end}`), "correct horse");
  }
});

Deno.test("passwordIn() refuses several lines, and what isn't UTF-8", async () => {
  await assertRejects(() => taken("correct\nhorse\n"), P2pchatError, "it has several lines");
  await assertRejects(() => taken("horse\n".repeat(1_000)), P2pchatError, "it has several lines");
  const latin1 = new Uint8Array([0x4a, 0x6f, 0x73, 0xe9]);
  await assertRejects(() => taken(latin1), P2pchatError, "it isn't UTF-8 text");
});

Deno.test("a password with a control character is refused from a file and from the variable, and a line's end isn't part of it", async () => {
  // Only the variable is looked at.
  const nowhere = { takeVariable: () => "correct horse\r" } as unknown as Streams;
  const source = { file: null, mayAsk: false, notice: () => Promise.resolve() };
  const why = "untypeable: it has a control character";
  for (
    const text of ["correct\thorse", "correct horse\0", "\x1bcorrect horse", "correct\x85horse"]
  ) {
    const error = await assertRejects(() => taken(text), P2pchatError, why);
    assertEquals([error.code, error.message.includes("horse")], ["weak-password", false]);
  }
  const error = await assertRejects(
    () => givenPassword({ ...source, streams: nowhere }),
    P2pchatError,
    why,
  );
  assertEquals(error.code, "weak-password");
  for (const end of ["", "\n", "\r\n"]) {
    const streams = { takeVariable: () => `correct horse${end}` } as unknown as Streams;
    assertEquals(await givenPassword({ ...source, streams }), "correct horse");
  }
});

Deno.test("passwordIn() says of what can't be opened that it can't, also where the runtime has no code for that", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-" });
  const path = `${folder}/socket`;
  const socket = Deno.listen({ transport: "unix", path });
  try {
    const error = await assertRejects(
      () => passwordIn(path, () => Promise.resolve()),
      P2pchatError,
    );
    assertEquals(error.code, "bad-file");
  } finally {
    socket.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("passwordIn() says of a long file that it is too long, wherever its characters end", async () => {
  for (const before of ["", "a", "aa", "aaa"]) {
    const long = before + "\u{1f40e}".repeat(2_000);
    await assertRejects(() => taken(long), P2pchatError, "too long: at most 1024 bytes");
  }
  // What normalises to fewer bytes mustn't be taken for the password without its end.
  const decomposed = "\u1100\u1161\u11a8".repeat(500);
  await assertRejects(() => taken(decomposed), P2pchatError, "too long: at most 1024 bytes");
});

Deno.test("passwordIn() doesn't wait for ever for who writes to a pipe", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-password-" });
  const folder = temporary.path;
  const [path, other] = [`${folder}/pipe`, `${folder}/other`];
  const makePipe = (at: string) => new Deno.Command("mkfifo", { args: [at] }).output();
  const late: Clock = {
    nowMs: () => 0,
    at(_, callback) {
      const timer = setTimeout(callback, 100);
      return { cancel: () => clearTimeout(timer) };
    },
  };
  await makePipe(path);
  const taken = passwordIn(path, () => Promise.resolve(), late);
  const refused = await assertRejects(() => taken, P2pchatError, "nothing was written to it");
  assertEquals(refused.code, "bad-file");

  // Whoever comes now lets the runtime go on, and what it had opened is closed.
  (await Deno.open(path, { write: true })).close();
  const hung = passwordIn(path, () => Promise.resolve(), late);
  const writer = await Deno.open(path, { write: true });
  await assertRejects(() => hung, P2pchatError, "nothing was written to it");
  writer.close();

  // Another pipe: who gave up may still read of that one.
  await makePipe(other);
  const [password] = await Promise.all([
    passwordIn(other, () => Promise.resolve()),
    Deno.writeTextFile(other, "correct horse\n"),
  ]);
  assertEquals(password, "correct horse");
  // The reader that gave up is woken by its writer's end, and closes the pipe then.
  for (let waits = 0; isOpen(path) && waits < 1_000; waits++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

/** Whether this process has the file open; false where the system doesn't say. */
function isOpen(path: string): boolean {
  try {
    const real = Deno.realPathSync(path);
    return [...Deno.readDirSync("/proc/self/fd")].some(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`) === real;
      } catch {
        return false; // the one by which the folder was read
      }
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
