/** How a monitor's questions become those of a user, and no more of them than may be. */

import { assertEquals } from "@std/assert";
import { AskedStatuses } from "../../../lib/cli/metrics/asked_statuses.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

interface Status {
  readonly event: "status";
  readonly members: number;
}

function subject(count: number) {
  const clock = new VirtualClock();
  const refs: string[] = [];
  const hosts = Array.from({ length: count }, () => ({
    command: (_: unknown, ref: string) => void refs.push(ref),
  }));
  const asked = new AskedStatuses<Status>("mark-", clock, () => hosts);
  return { clock, refs, asked };
}

Deno.test("AskedStatuses: all machines are asked, and their answers shown to nobody", async () => {
  const { asked, refs } = subject(2);
  const statuses = asked.ask();

  assertEquals(refs, ["mark-1", "mark-1"]);
  assertEquals(asked.takes({ event: "status", members: 1 }, "mark-1"), true);
  assertEquals(asked.takes({ event: "error" }, "mark-1"), true);
  assertEquals(await statuses, {
    answers: [{ event: "status", members: 1 }],
    asked: 2,
    isWhole: true,
  });
});

Deno.test("AskedStatuses: what users ask stays theirs", () => {
  const { asked } = subject(1);
  void asked.ask();

  assertEquals(asked.takes({ event: "status", members: 1 }, undefined), false);
  assertEquals(asked.takes({ event: "status", members: 1 }, "a script's"), false);
  assertEquals(asked.takes({ event: "message" }, undefined), false);
});

Deno.test("AskedStatuses: whoever asks again within a second costs nothing", async () => {
  const { asked, refs, clock } = subject(1);
  const first = asked.ask();
  asked.takes({ event: "status", members: 1 }, "mark-1");
  clock.advanceTo(999);
  const second = asked.ask();
  assertEquals(await second, await first);
  assertEquals(refs, ["mark-1"]);

  clock.advanceTo(1_000);
  const third = asked.ask();
  asked.takes({ event: "status", members: 2 }, "mark-2");
  assertEquals((await third).answers, [{ event: "status", members: 2 }]);
});

Deno.test("AskedStatuses: an answer that comes within its time counts, also where another was asked for meanwhile", async () => {
  const { asked, refs, clock } = subject(1);
  const first = asked.ask();
  clock.advanceTo(1_200);
  const second = asked.ask();
  assertEquals(refs, ["mark-1", "mark-2"]);
  for (const ref of refs) asked.takes({ event: "status", members: 1 }, ref);

  clock.advanceTo(2_000);
  for (const { answers, isWhole } of [await first, await second]) {
    assertEquals([answers.length, isWhole], [1, true]);
  }
});

Deno.test("AskedStatuses: a machine that doesn't answer holds up nobody, and its late answer is shown to nobody", async () => {
  const { asked, clock } = subject(2);
  const statuses = asked.ask();
  asked.takes({ event: "status", members: 1 }, "mark-1");
  clock.advanceTo(2_000);

  assertEquals(await statuses, {
    answers: [{ event: "status", members: 1 }],
    asked: 2,
    isWhole: false,
  });
  assertEquals(asked.takes({ event: "status", members: 9 }, "mark-1"), true);
});

Deno.test("AskedStatuses: where nothing runs there is nothing to wait for", async () => {
  const { asked } = subject(0);

  assertEquals(await asked.ask(), { answers: [], asked: 0, isWhole: true });
});
