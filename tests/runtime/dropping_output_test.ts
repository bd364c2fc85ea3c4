import { assertEquals } from "@std/assert";
import type { ModeEvent } from "../../lib/base/mode_machine.ts";
import { DroppingOutput } from "../../lib/runtime/dropping_output.ts";

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
  assertEquals(shown.splice(0), ["1 entry wasn't told of: nobody read the output true undefined"]);

  show(3);
  unread = Promise.withResolvers();
  for (const seq of [4, 5, 6]) show(seq);
  assertEquals(shown.splice(0), ["3 r"]);
  await read();
  assertEquals(shown, ["3 entries weren't told of: nobody read the output true undefined"]);
});
