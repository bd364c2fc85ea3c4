import { assert, assertEquals } from "@std/assert";
import { KeyParser } from "../../../lib/cli/terminal/key_parser.ts";
import {
  type Entry,
  onPasswordKey,
  PasswordEntry,
} from "../../../lib/cli/terminal/password_entry.ts";
import { leaveRawMode } from "../../../lib/cli/streams/terminal_mode.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";

/** What was answered, or was typed so far. */
function typed(keys: string): string | Entry {
  let state: string | Entry = "";
  for (const key of new KeyParser().push(new TextEncoder().encode(keys))) {
    if (typeof state !== "string") break;
    state = onPasswordKey(state, key);
  }
  return state;
}

const CASES: readonly (readonly [keys: string, state: string | Entry])[] = [
  ["secret", "secret"],
  ["secret\r", { password: "secret" }],
  ["\r", { password: "" }],
  ["secrex\x7ft\n", { password: "secret" }],
  ["Zoe\u0308\x7fe\r", { password: "Zoe" }],
  ["👨‍👩‍👧\x7f\x7fa\r", { password: "a" }],
  ["wrong\x15right\r", { password: "right" }],
  ["wrong words\x17right\r", { password: "right" }],
  ["se\x1b[Dcr\x1b[A\tet\r", { password: "secret" }],
  ["\x1b[200~two words\r\x1b[201~\r", { password: "two words" }],
  ["/help\r", { password: "/help" }],
  ["abc\x04d\r", { password: "abcd" }],
  ["\x04", { ended: "end-of-input" }],
  ["abc\x03", { ended: "interrupt" }],
];

for (const [keys, state] of CASES) {
  Deno.test(`a password typed as ${JSON.stringify(keys)}`, () => assertEquals(typed(keys), state));
}

Deno.test("what is far too long is no longer kept, and stays too long", () => {
  const many = typed("x".repeat(9_000));
  assert(typeof many === "string" && many.length > 1_024 && many.length < 5_000);
  const pasted = typed(`\x1b[200~${"x".repeat(2_000_000)}\x1b[201~`);
  assert(typeof pasted === "string" && pasted.length > 1_024 && pasted.length < 5_000);
});

function terminal(): MemoryStreams {
  const streams = new MemoryStreams();
  streams.isTerminal = true;
  return streams;
}

/** A question that waits for its answer. */
async function asked() {
  const streams = terminal();
  const entry = new PasswordEntry(streams);
  const answer = entry.ask("Password: ");
  await settle();
  return { streams, entry, answer };
}

Deno.test("questions are asked one after the other, and nothing of the answers is shown", async () => {
  const streams = terminal();
  const entry = new PasswordEntry(streams);
  const first = entry.ask("Password: ");
  await settle();
  assert(streams.isRaw);
  streams.type("sec");
  await settle();
  // Typed ahead: the rest answers the next question.
  streams.type("ret\rsecond");
  assertEquals(await first, { password: "secret" });
  const second = entry.ask("Again: ");
  streams.type("\r");
  assertEquals(await second, { password: "second" });
  entry.close();
  entry.close();

  assertEquals(streams.stdoutText, "\x1b[?2004hPassword: \nAgain: \n\x1b[?2004l");
  assertEquals([streams.isRaw, streams.heeded], [false, []]);
});

Deno.test("a lone ESC is nothing, and the Enter after it is one", async () => {
  const { streams, entry, answer } = await asked();
  streams.type("secret\x1b");
  await new Promise((resolve) => setTimeout(resolve, 100));
  streams.type("\r");
  assertEquals(await answer, { password: "secret" });
  entry.close();
});

for (
  const [signal, ended] of [["SIGINT", "interrupt"], ["SIGTERM", "terminated"], [
    "SIGHUP",
    "hangup",
  ]] as const
) {
  Deno.test(`${signal} gives up, and the terminal is given back`, async () => {
    const { streams, entry, answer } = await asked();
    streams.type("sec");
    await settle();
    streams.signal(signal);
    assertEquals(await answer, { ended });
    entry.close();
    assertEquals([streams.isRaw, streams.heeded], [false, []]);
    streams.type(null);
    await settle();
  });
}

Deno.test("the end of input gives up, at each question", async () => {
  const streams = terminal();
  const entry = new PasswordEntry(streams);
  streams.type("sec");
  streams.type(null);
  assertEquals(await entry.ask("Password: "), { ended: "end-of-input" });
  assertEquals(await entry.ask("Again: "), { ended: "end-of-input" });
  entry.close();
});

Deno.test("a terminal that is gone gives up", async () => {
  const { streams, entry, answer } = await asked();
  streams.stdout.writeSync = () => {
    throw new Error("EIO: I/O error");
  };
  streams.type(new Error("EIO: I/O error"));
  assertEquals(await answer, { ended: "end-of-input" });
  entry.close();
  assertEquals(streams.isRaw, false);
});

Deno.test("a second signal ends the program, with the terminal given back", async () => {
  const { streams, entry, answer } = await asked();
  streams.signal("SIGTERM");
  streams.signal("SIGTERM");
  assertEquals([streams.exits, streams.isRaw], [[130], false]);
  assertEquals(await answer, { ended: "terminated" });
  streams.type(null);
  await settle();
  entry.close();
});

Deno.test("a hang-up, which continues the program, too, gives up and nothing else", async () => {
  const { streams, entry, answer } = await asked();
  streams.onRaw = () => {
    throw new Error("EIO: I/O error");
  };
  streams.signal("SIGCONT");
  streams.signal("SIGHUP");
  assertEquals(await answer, { ended: "hangup" });
  entry.close();
  assertEquals([streams.isRaw, streams.exits], [false, []]);
  streams.type(null);
  await settle();
});

Deno.test("who was stopped goes on unseen, with the question shown again", async () => {
  const { streams, entry, answer } = await asked();
  streams.type("sec");
  await settle();
  streams.isRaw = false; // what a shell does
  streams.signal("SIGCONT");
  assert(streams.isRaw);
  streams.type("ret\r");
  assertEquals(await answer, { password: "secret" });
  assertEquals(streams.stdoutText.split("Password: ").length, 3);
  entry.close();
  leaveRawMode();
});

Deno.test("PasswordEntry.tell() breaks a line at words", () => {
  const streams = terminal();
  streams.columns = 40;
  const entry = new PasswordEntry(streams);
  try {
    entry.tell("Cannot read the invite: a character of it is wrong, or a part is missing");
  } finally {
    entry.close();
  }

  const broken = "Cannot read the invite: a character of\n  it is wrong, or a part is missing\n";
  assert(streams.stdoutText.includes(broken), streams.stdoutText);
});
