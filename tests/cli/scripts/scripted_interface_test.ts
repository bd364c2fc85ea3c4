import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CommonOptions, SayingDoor, WaitingDoor } from "../../../lib/cli/args/options.ts";
import type { KeptPlace } from "../../../lib/cli/rendering/user_interface.ts";
import { ScriptedInterface } from "../../../lib/cli/scripts/scripted_interface.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { type EchoRoom, echoRoom, messageFrom, MODE, OPTIONS } from "../echo_room.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";

type Ui = ScriptedInterface<Parameters<typeof MODE.render>[0], EchoRoom["target"]>;

interface Opened {
  readonly streams: MemoryStreams;
  readonly clock: VirtualClock;
  readonly ui: Ui;
  readonly room: EchoRoom;
  readonly place: KeptPlace;
}

const WAIT: WaitingDoor = {
  door: "wait",
  mode: "mesh",
  from: null,
  mention: false,
  events: new Set(["message"]),
  timeoutMs: 10_000,
};
const SAY: SayingDoor = { door: "once", mode: "mesh", text: "hi", to: null, timeoutMs: 10_000 };

async function open(
  door: SayingDoor | WaitingDoor,
  options: Partial<CommonOptions> = {},
  disk = new MemoryDisk(),
): Promise<Opened> {
  const streams = new MemoryStreams();
  const clock = new VirtualClock();
  const ui: Ui = new ScriptedInterface(
    MODE,
    { ...OPTIONS, ...options },
    door,
    streams,
    null,
    clock,
  );
  const room = echoRoom(ui);
  const place = await ui.keepIn(disk, "/p/room");
  ui.heedInterrupts(room.interrupted);
  return { streams, clock, ui, room, place };
}

async function close({ ui, place }: Opened): Promise<void> {
  await place.close();
  await ui.close();
}

function ready(ui: Ui): void {
  ui.show({
    ...{ event: "ready", command: "mesh", name: "Alice", host: "h", port: 1, key: "k", room: "r" },
  });
}

function said(id: string, text: string) {
  return { ...messageFrom("Bob", text), id };
}

const LEFT = "(interrupt)";

Deno.test("--wait prints the next message alone, leaves, and the next call goes on behind it", async () => {
  const disk = new MemoryDisk();
  const first = await open(WAIT, { json: true }, disk);
  ready(first.ui);
  first.ui.show(said("1", "one"));
  first.ui.show(said("2", "two"));
  first.ui.show({ event: "bye", reason: "quit" });
  await settle();
  await close(first);
  const second = await open(WAIT, {}, disk);
  await settle();
  await close(second);

  const printed = first.streams.stdoutText.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(printed.map(({ event, text }) => [event, text]), [["message", "one"]]);
  assertEquals(first.room.happened, [LEFT]);
  assertEquals(first.ui.outputError, null);
  assertEquals(second.streams.stdoutText, "12:03 <Bob> two\n");
  assertEquals(second.room.happened, [LEFT], "it was there before the room was");
  assertEquals(second.ui.outputError, null);
});

Deno.test("--wait: to the mode what others said is shown when it is on the disk", async () => {
  const disk = new MemoryDisk();
  const opened = await open({ ...WAIT, from: "Carol" }, {}, disk);
  ready(opened.ui);
  await opened.ui.written();
  opened.ui.show(said("1", "one"));
  await opened.ui.written();
  disk.crash();

  const next = await open(WAIT, {}, disk.crash());
  await settle();

  assertEquals(next.streams.stdoutText, "12:03 <Bob> one\n");
  await close(next);
});

Deno.test("--wait: thousands of messages of others that wait don't hold up what is waited for", async () => {
  const opened = await open({ ...WAIT, from: "Quinn" }, { json: true });
  ready(opened.ui);
  const beganMs = performance.now();
  for (let count = 0; count < 11_000; count++) opened.ui.show(said(String(count), "x"));
  const tookMs = performance.now() - beganMs;
  opened.ui.show({ ...messageFrom("Quinn", "here"), id: "q" });
  await settle();
  await close(opened);

  assertEquals(JSON.parse(opened.streams.stdoutText)["text"], "here");
  // Looking through all that wait for each that comes takes ten times as long.
  assert(tookMs < 3_000, `${tookMs} ms`);
});

Deno.test("--wait: nothing comes in time", async () => {
  const opened = await open({ ...WAIT, mention: true });
  ready(opened.ui);
  opened.ui.show(said("1", "one"));
  opened.clock.advance(9_999);
  assertEquals(opened.room.happened, []);
  opened.clock.advance(1);
  await close(opened);

  assertEquals(opened.room.happened, [LEFT]);
  assertEquals(opened.streams.stdoutText, "");
  assertEquals(opened.ui.outputError?.code, "timeout");
  assertMatch(opened.ui.outputError!.message, /^Nothing came within 10 s/);
});

Deno.test("--wait: a message that nobody has read waits for the next call", async () => {
  const disk = new MemoryDisk();
  const broken = await open(WAIT, {}, disk);
  ready(broken.ui);
  broken.streams.break();
  broken.ui.show(said("1", "one"));
  await settle();
  await close(broken);
  const next = await open(WAIT, {}, disk);
  await settle();
  await close(next);

  assert(broken.ui.outputError !== null);
  assertEquals(next.streams.stdoutText, "12:03 <Bob> one\n");
});

Deno.test("--wait: a disk that refuses ends it, and what came doesn't count as shown", async () => {
  const disk = new MemoryDisk();
  const opened = await open(WAIT, {}, disk);
  ready(opened.ui);
  await opened.ui.written();
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  opened.ui.show(said("1", "one"));
  let isWritten = false;
  void opened.ui.written().then(() => isWritten = true);
  await settle();
  await close(opened);

  assertEquals(opened.room.happened, [LEFT]);
  assertEquals([opened.ui.outputError?.code, isWritten], ["disk", false]);
  assertEquals(opened.streams.stdoutText, "");
});

Deno.test("--wait: an event of the moment is printed, what is history of it isn't; errors go to stderr", async () => {
  const opened = await open({ ...WAIT, events: new Set(["joined"]) }, { json: true });
  ready(opened.ui);
  opened.ui.show({ event: "error", code: "disk", text: "no\nroom" });
  opened.ui.show({ event: "notice", text: "look out", warning: true });
  opened.ui.show({ event: "notice", text: "by the way" });
  opened.ui.show(said("1", "one"));
  opened.ui.show({ event: "joined", name: "Bob", key: "b", host: "", port: 0, verified: false });
  await settle();
  await close(opened);

  assertEquals(JSON.parse(opened.streams.stdoutText).event, "joined");
  assertEquals(opened.streams.stderrText, "error: no␊room\nwarning: look out\n");
});

Deno.test("--once says one thing; a script is told the message, people the exit status", async () => {
  for (const json of [true, false]) {
    const opened = await open(SAY, { json });
    opened.ui.listen(opened.room);
    ready(opened.ui);
    opened.ui.show({ event: "joined", name: "Bob", key: "b", host: "", port: 0, verified: false });
    await settle();
    assertEquals(opened.room.happened[0], "hi");
    assertStringIncludes(opened.room.happened[1]!, '"status"');
    opened.ui.show({
      ...{ event: "status", room: "r", name: "Alice", key: "k", unconfirmed: 0, unsent: 0 },
      ...{ waiting: [], messages: 1, lastMessage: null, catchingUp: false, problems: [] },
      members: [{
        ...{ name: "Bob", key: "b", direct: true, roundTripMs: 1, heardMsAgo: 1 },
        ...{ suspected: false, upToDate: true, fetching: false },
      }],
    }, "once-status");
    await close(opened);

    assertEquals(opened.room.happened.at(-1), LEFT);
    assertEquals(opened.ui.outputError, null);
    const [line = ""] = opened.streams.stdoutText.split("\n");
    if (json) assertEquals(JSON.parse(line).text, "hi");
    else assertEquals(line, "");
  }
});

Deno.test("--once: nobody comes in time; what others say meanwhile waits for a --wait", async () => {
  const disk = new MemoryDisk();
  const opened = await open(SAY, {}, disk);
  opened.ui.listen(opened.room);
  ready(opened.ui);
  opened.ui.show(said("1", "one"));
  opened.clock.advance(10_000);
  await close(opened);
  const next = await open(WAIT, {}, disk);
  await settle();
  await close(next);

  assertEquals(opened.ui.outputError?.code, "offline");
  assertEquals(opened.streams.stdoutText, "");
  assertEquals(next.streams.stdoutText, "12:03 <Bob> one\n");
});

Deno.test("a signal ends a call, without success", async () => {
  const opened = await open(WAIT);
  opened.streams.signal("SIGTERM");
  await close(opened);

  assertEquals(opened.room.happened, ["(terminated)"]);
  assertEquals(opened.ui.outputError?.code, "timeout");
});
