import { assertEquals } from "@std/assert";
import type { ModeEvent } from "../../../lib/base/machine/mode_machine.ts";
import { DroppingOutput } from "../../../lib/runtime/hosts/dropping_output.ts";

interface Entry {
  readonly event: "entry";
  readonly seq: number;
}

Deno.test("DroppingOutput: what nobody reads is dropped and counted, until somebody does", async () => {
  const shown: string[] = [];
  let unread: PromiseWithResolvers<void> | null = null;
  const output = new DroppingOutput<Entry>({
    show(event: Entry | ModeEvent, ref) {
      if (event.event === "entry") shown.push(`${event.seq} ${ref}`);
      if (event.event === "notice") shown.push(`${event.text} ${event.warning} ${ref}`);
    },
    outputReady: () => unread?.promise ?? null,
  }, { one: "entry", many: "entries" });
  const show = (seq: number) => output.show({ event: "entry", seq }, "r");
  const read = async () => {
    unread?.resolve();
    await unread?.promise;
    unread = null;
  };

  show(1);
  unread = Promise.withResolvers();
  show(2);
  assertEquals(shown.splice(0), ["1 r"]);
  await read();
  assertEquals(shown.splice(0), [
    "1 entry was dropped because nobody read the output true undefined",
  ]);

  show(3);
  unread = Promise.withResolvers();
  for (const seq of [4, 5, 6]) show(seq);
  assertEquals(shown.splice(0), ["3 r"]);
  await read();
  assertEquals(shown, ["3 entries were dropped because nobody read the output true undefined"]);
});

interface View {
  readonly event: "view" | "joined";
  readonly text: string;
}

Deno.test("DroppingOutput: what is rare is shown all the same, as long as it is little", async () => {
  const shown: (View | ModeEvent)[] = [];
  const unread = Promise.withResolvers<void>();
  let isRead = false;
  const output = new DroppingOutput<View>({
    show: (event: View | ModeEvent) => shown.push(event),
    outputReady: () => isRead ? null : unread.promise,
  }, { one: "event", many: "events", again: "/status has more", states: ["view"] });
  const long = { event: "joined", text: "x".repeat(100_000) } as const;

  for (let n = 0; n < 100; n++) output.showRare(long, undefined);
  const whileUnread = shown.splice(0);
  assertEquals(whileUnread, Array.from({ length: 10 }, () => long));
  for (const text of ["1", "2"]) output.showRare({ event: "view", text }, undefined);
  output.show({ event: "joined", text: "often" }, undefined);
  isRead = true;
  unread.resolve();
  await unread.promise;
  output.showRare(long, undefined);

  const text = "92 events were dropped because nobody read the output; /status has more";
  assertEquals(shown, [
    { event: "notice", text, warning: true },
    { event: "view", text: "2" },
    long,
  ]);
});
