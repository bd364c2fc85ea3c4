import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { KeptPlace } from "../../../lib/cli/rendering/user_interface.ts";
import { McpInterface } from "../../../lib/cli/mcp/mcp_interface.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { type EchoRoom, echoRoom, messageFrom, MODE } from "../echo_room.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";

type Ui = McpInterface<Parameters<typeof MODE.render>[0], EchoRoom["target"]>;

interface Opened {
  readonly streams: MemoryStreams;
  readonly clock: VirtualClock;
  readonly ui: Ui;
  readonly room: EchoRoom;
  readonly place: KeptPlace;
}

const LEFT = "(interrupt)";
const INITIALIZE = line(0, "initialize", { protocolVersion: "2025-11-25" });

function line(id: number | string, method: string, params: object = {}): string {
  return `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
}

function call(id: number, name: string, given: object = {}): string {
  return line(id, "tools/call", { name, arguments: given });
}

async function open(disk = new MemoryDisk(), isElsewhere = false): Promise<Opened> {
  const streams = new MemoryStreams();
  const clock = new VirtualClock();
  const door = { door: "mcp", mode: "mesh" } as const;
  const ui: Ui = new McpInterface(MODE, door, "1.2.3", streams, clock, () => "m4rk");
  const room = echoRoom(ui);
  const place = await ui.keepIn(disk, "/p/room", isElsewhere);
  ui.heedInterrupts(room.interrupted);
  streams.type(INITIALIZE);
  await settle();
  return { streams, clock, ui, room, place };
}

async function close({ ui, place }: Opened): Promise<void> {
  await place.close();
  await ui.close();
}

function begin({ ui, room }: Opened): void {
  const ready = { event: "ready", command: "mesh", name: "bot", host: "h", port: 1 } as const;
  ui.show({ ...ready, key: "own", room: "r" });
  ui.listen(room);
}

function said(id: string, text: string) {
  return { ...messageFrom("Bob", text), id };
}

interface Answer {
  readonly id?: unknown;
  readonly result?: {
    readonly isError?: boolean;
    readonly content?: readonly { readonly text: string }[];
    readonly structuredContent?: { readonly messages?: readonly { readonly text: string }[] };
  };
}

/** All that was answered behind `initialize`. */
function answers({ streams }: Pick<Opened, "streams">): readonly Answer[] {
  return streams.stdoutText.trimEnd().split("\n").slice(1).map((each) => JSON.parse(each));
}

function textsOf(answer: Answer | undefined): readonly string[] {
  return answer!.result!.structuredContent!.messages!.map(({ text }) => text);
}

/** The room knows whose the key is. */
async function knows({ ui, clock }: Opened): Promise<void> {
  await settle();
  clock.advance(2_000); // nobody does
  await settle();
  void ui;
}

Deno.test("--mcp answers what the tools are before it is anywhere, with lines of JSON alone", async () => {
  const opened = await open();
  opened.streams.type(line(1, "tools/list"));
  await settle();

  const lines = opened.streams.stdoutText.trimEnd().split("\n").map((each) => JSON.parse(each));
  assertEquals(lines.map(({ id }) => id), [0, 1]);
  assertEquals(lines[1].result.tools.map(({ name }: { name: string }) => name), [
    ...["send", "wait", "history", "members", "verify"],
  ]);
  await close(opened);
});

Deno.test("--mcp: wait gives what others say once, and the next program goes on behind it", async () => {
  const disk = new MemoryDisk();
  const first = await open(disk);
  begin(first);
  first.ui.show(said("1", "one"));
  first.streams.type(call(1, "wait"));
  await knows(first);
  first.ui.show(said("2", "two"));
  await settle();
  await close(first);
  const second = await open(disk);
  begin(second);
  second.ui.show({ ...said("1", "one"), history: true }); // the mode shows it again
  second.streams.type(call(1, "wait"));
  await knows(second);

  assertEquals(textsOf(answers(first)[0]), ["one"]);
  assertEquals(textsOf(answers(second)[0]), ["two"]);
  await close(second);
});

Deno.test("--mcp: that this is another room than the last one is told once, also by a later program", async () => {
  const disk = new MemoryDisk();
  const first = await open(disk, true);
  begin(first);
  await close(first);
  const second = await open(disk);
  begin(second);
  second.streams.type(call(1, "wait", { timeout: 0 }));
  await settle();
  second.streams.type(call(2, "wait", { timeout: 0 }));
  await settle();
  await close(second);
  const third = await open(disk);
  begin(third);
  third.streams.type(call(1, "wait", { timeout: 0 }));
  await settle();

  const [told, waited] = answers(second);
  assertEquals(told!.result!.isError, true);
  assertStringIncludes(told!.result!.content![0]!.text, "another room than the one you were in");
  assertEquals([textsOf(waited), textsOf(answers(third)[0])], [[], []]);
  await close(third);
});

Deno.test("--mcp: who answers at once to being told that this is another room isn't told again", async () => {
  const opened = await open(new MemoryDisk(), true);
  begin(opened);
  const { streams } = opened;
  streams.hold();
  streams.type(call(1, "wait", { timeout: 0 }));
  await settle();
  // The client has it before it is known here that it has.
  streams.type(call(2, "wait", { timeout: 0 }));
  streams.release();
  await settle();

  assertEquals(answers(opened).map(({ result }) => result!.isError), [true, false]);
  await close(opened);
});

Deno.test("--mcp: what nobody has read, as the output is closed, waits for the next program", async () => {
  const disk = new MemoryDisk();
  const broken = await open(disk);
  begin(broken);
  broken.ui.show(said("1", "one"));
  broken.streams.break();
  broken.streams.type(call(1, "wait"));
  await knows(broken);
  await close(broken);
  const next = await open(disk);
  begin(next);
  next.streams.type(call(1, "wait", { timeout: 0 }));
  await knows(next);

  assertEquals(broken.room.happened.at(-1), "(output-closed)");
  assertEquals(textsOf(answers(next)[0]), ["one"]);
  await close(next);
});

Deno.test("--mcp: a call that is given up when its answer is out has given nothing, also to a later program", async () => {
  const disk = new MemoryDisk();
  const opened = await open(disk);
  begin(opened);
  opened.ui.show(said("1", "one"));
  opened.ui.show(said("2", "two"));
  opened.streams.type(call(1, "wait", { n: 1 }));
  await knows(opened);
  const cancelled = { method: "notifications/cancelled", params: { requestId: 1 } };
  opened.streams.type(`${JSON.stringify({ jsonrpc: "2.0", ...cancelled })}\n`);
  await settle();
  await close(opened);
  const next = await open(disk);
  begin(next);
  next.streams.type(call(1, "wait"));
  await knows(next);

  assertEquals(textsOf(answers(opened)[0]), ["one"]);
  assertEquals(textsOf(answers(next)[0]), ["one", "two"], "in their order");
  await close(next);
});

Deno.test("--mcp: what a program that lost its power gave and hadn't noted is given again, nothing else", async () => {
  const disk = new MemoryDisk();
  const opened = await open(disk);
  begin(opened);
  opened.ui.show(said("1", "one"));
  opened.streams.type(call(1, "wait"));
  await knows(opened);
  opened.ui.show(said("2", "two"));
  await opened.ui.written();
  const next = await open(disk.crash());
  begin(next);
  next.streams.type(call(1, "wait"));
  await knows(next);

  assertEquals(textsOf(answers(opened)[0]), ["one"]);
  assertEquals(textsOf(answers(next)[0]), ["two"]);
  await close(next);
});

Deno.test("--mcp: who has had any answer has begun: what is said after a kill is news to the next program", async () => {
  const disk = new MemoryDisk();
  const opened = await open(disk);
  opened.streams.type(call(1, "wait", { timeout: 0 }));
  await settle();
  begin(opened);
  for (let turn = 0; turn < 10_000 && answers(opened).length === 0; turn++) await null;
  const next = await open(disk.crash());
  begin(next);
  next.ui.show({ ...said("1", "one"), history: true });
  next.streams.type(call(1, "wait"));
  await knows(next);

  assertEquals(textsOf(answers(opened)[0]), []);
  assertEquals(textsOf(answers(next)[0]), ["one"]);
  await close(next);
});

Deno.test("--mcp: a text that looks like a command is said, and no tool is one", async () => {
  const opened = await open();
  begin(opened);
  opened.ui.show({ event: "joined", name: "Bob", key: "k", host: "", port: 0, verified: false });
  for (const [at, text] of ["/exit", ":q", "//x", '{"command":"quit"}'].entries()) {
    opened.streams.type(call(at, "send", { text }));
  }
  opened.streams.type(call(9, "quit"));
  opened.streams.type("/exit\n");
  await settle();

  const heard = opened.room.happened.filter((text) => !text.includes('"status"'));
  assertEquals(heard, ["/exit", ":q", "//x", '{"command":"quit"}']);
  await close(opened);
});

Deno.test("--mcp: errors and warnings go to standard error, and nothing but answers to standard output", async () => {
  const opened = await open();
  begin(opened);
  opened.ui.show({ event: "error", code: "disk", text: "no\nroom" });
  opened.ui.show({ event: "notice", text: "look out", warning: true });
  opened.ui.show({ event: "notice", text: "by the way" });
  await settle();
  await close(opened);

  assertEquals(answers(opened), []);
  assertEquals(opened.streams.stderrText, "error: no␊room\nwarning: look out\n");
});

Deno.test("--mcp leaves when its input ends; a wait is answered first, and a text has a moment to arrive", async () => {
  const opened = await open();
  begin(opened);
  opened.ui.show({ event: "joined", name: "Bob", key: "k", host: "", port: 0, verified: false });
  opened.streams.type(call(1, "wait") + call(2, "send", { text: "hi" }));
  opened.streams.type(null);
  await settle();
  assertEquals(opened.room.happened.includes(LEFT), false);
  opened.clock.advance(2_000);
  await close(opened);

  assertEquals(opened.room.happened.at(-1), LEFT);
  const [wait, send] = answers(opened);
  assertEquals([wait?.id, wait?.result?.isError], [1, false]);
  assertEquals([send?.id, send?.result?.isError], [2, true]);
  assertStringIncludes(send!.result!.content![0]!.text, "This program ends");
  assertEquals(opened.ui.outputError, null);
});

Deno.test("--mcp: what it gives as it leaves isn't given by the next program, however slowly it is read", async () => {
  const disk = new MemoryDisk();
  const opened = await open(disk);
  begin(opened);
  opened.ui.show(said("1", "one"));
  opened.streams.hold();
  opened.streams.type(call(1, "wait"));
  opened.streams.type(null);
  await knows(opened);
  const closing = close(opened);
  await settle();
  opened.streams.release();
  await closing;
  const next = await open(disk);
  begin(next);
  next.streams.type(call(1, "wait", { timeout: 0 }));
  await knows(next);

  assertEquals(textsOf(answers(opened)[0]), ["one"]);
  assertEquals(textsOf(answers(next)[0]), []);
  await close(next);
});

Deno.test("--mcp leaves at once when nothing is under way, also before the mode is anywhere", async () => {
  const opened = await open();
  opened.streams.type(null);
  await settle();
  await close(opened);

  assertEquals(opened.room.happened, [LEFT]);
});

Deno.test("--mcp: a signal ends it", async () => {
  const opened = await open();
  begin(opened);
  opened.streams.signal("SIGTERM");
  await close(opened);

  assertEquals(opened.room.happened, ["(terminated)"]);
  assertEquals(opened.ui.outputError, null);
});

Deno.test("--mcp: nothing comes again behind an answered wait, killed whenever", async () => {
  const disk = new MemoryDisk();
  const opened = await open(disk);
  begin(opened);
  for (const text of ["one", "two"]) opened.ui.show(said(text, text));
  opened.streams.hold();
  opened.streams.type(call(1, "wait", { n: 1 }));
  await knows(opened);
  // The client has the first answer before it is known here that it has, and asks again.
  opened.streams.type(call(2, "wait", { n: 1 }));
  await knows(opened);
  opened.streams.release();
  for (let turn = 0; turn < 10_000 && answers(opened).length < 2; turn++) await null;
  const next = await open(disk.crash());
  begin(next);
  next.streams.type(call(1, "wait", { n: 1 }));
  await knows(next);

  assertEquals(answers(opened).map(textsOf), [["one"], ["two"]]);
  assertEquals(textsOf(answers(next)[0]), ["two"]);
  await close(next);
});

Deno.test("--mcp: a disk that refuses ends it, and what came isn't given", async () => {
  const disk = new MemoryDisk();
  const opened = await open(disk);
  begin(opened);
  await opened.ui.written();
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  opened.streams.type(call(1, "wait"));
  opened.ui.show(said("1", "one"));
  await knows(opened);
  await close(opened);

  assertEquals(opened.ui.outputError?.code, "disk");
  assertEquals(answers(opened)[0]?.result?.isError, true);
});

Deno.test("--mcp: of a client that reads nothing no more is taken, and all is answered once it reads", async () => {
  const opened = await open();
  begin(opened);
  const { stdin } = opened.streams;
  let reads = 0;
  const read = stdin.read;
  stdin.read = (buffer) => {
    reads++;
    return read(buffer);
  };
  opened.streams.hold();
  for (let at = 0; at < 100; at++) opened.streams.type(line(1, "ping").repeat(1_000));
  for (let turn = 0; turn < 50; turn++) await settle();
  const readWhileHeld = reads;
  opened.streams.release();
  for (let turn = 0; turn < 50; turn++) await settle();

  assert(readWhileHeld < 50, `${readWhileHeld} reads`);
  assertEquals(answers(opened).length, 100_000);
  await close(opened);
});
