import { assertEquals } from "@std/assert";
import { UploadUses } from "../../../lib/cli/page/upload_uses.ts";

const HOUR_MS = 60 * 60 * 1_000;

/** Copies 1 and 2 are there from the beginning. */
class World {
  nowMs = 0;
  readonly unused: number[] = [];
  readonly uses = new UploadUses("run", () => this.nowMs, (copy) => this.unused.push(copy));

  constructor() {
    this.uses.came(1);
    this.uses.came(2);
  }

  send(copy: number, ref: string): void {
    this.uses.asked({ command: "send", file: `/p/uploads/run/${copy}/a b.txt` }, ref);
  }

  show(fields: Readonly<Record<string, unknown>>): void {
    this.uses.shown({ id: 1, fields });
  }

  later(ms: number): void {
    this.nowMs += ms;
    this.uses.expire();
  }
}

Deno.test("what nobody asks to offer goes after an hour", () => {
  const world = new World();
  world.later(HOUR_MS - 1);
  assertEquals(world.unused, []);
  world.send(2, "w 1");
  world.later(1);
  assertEquals(world.unused, [1]);
  world.later(HOUR_MS);
  assertEquals(world.unused, [1], "the answer may take long: a large file is read first");
});

Deno.test("what couldn't be offered may be asked for again within an hour", () => {
  const world = new World();
  world.send(1, "w 1");
  world.send(2, "w 2");
  world.later(HOUR_MS);
  world.show({ event: "error", code: "offline", ref: "w 1" });
  world.show({ event: "error", code: "offline", ref: "another" });
  world.later(HOUR_MS - 1);
  assertEquals(world.unused, []);
  world.later(1);
  assertEquals(world.unused, [1]);
});

Deno.test("what is offered stays until its last offer has ended", () => {
  const world = new World();
  world.send(1, "w 1");
  world.uses.asked({ line: "/send /p/uploads/run/1/a\\ b.txt", room: "r" }, "w 2");
  world.uses.asked("/send Bob /p/uploads/run/1/a b.txt", "w 3");
  world.show({ event: "offer", file: 1, self: true, ref: "w 1" });
  world.show({ event: "offer", file: 1, self: true, room: "r", ref: "w 2" });
  world.show({ event: "error", code: "unknown-user", ref: "w 3" });
  world.later(10 * HOUR_MS);
  assertEquals(world.unused, [2]);

  const ended = { event: "transfer", file: 1, state: "cancelled" };
  world.show({ ...ended, self: true, state: "done", to: "Bob" });
  world.show({ ...ended, self: true, room: "r", state: "done", to: "Bob" });
  world.show({ ...ended, self: true, room: "s" });
  world.show({ ...ended, self: true, file: 2 });
  world.show({ ...ended, self: true });
  assertEquals(world.unused, [2]);
  world.show({ ...ended, self: true, room: "r", state: "failed", reason: "changed" });
  world.show({ ...ended, self: true, room: "r", state: "failed" });
  assertEquals(world.unused, [2, 1]);
});

Deno.test("another's files and folders aren't taken for copies", () => {
  const world = new World();
  for (const file of ["/p/uploads/other/1/a.txt", "/run/", "/p/uploads/run/3/a.txt", 7, null]) {
    world.uses.asked({ command: "send", file }, "w 1");
  }
  world.uses.asked("hello /run/1 you", "w 1");
  world.later(HOUR_MS);
  assertEquals(world.unused, [1, 2]);
});

Deno.test("what names no file as text is for no copy", () => {
  const world = new World();
  const nested = JSON.parse(`${"[".repeat(20_000)}${"]".repeat(20_000)}`);
  for (const file of [{ toString: 1, valueOf: 1 }, nested, 7, null]) {
    world.uses.asked({ command: "send", file }, "w 1");
  }
  world.later(HOUR_MS);
  assertEquals(world.unused, [1, 2]);
});
