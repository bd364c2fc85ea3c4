import { assertEquals } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { Runner } from "../../lib/runtime/runner.ts";
import { VirtualClock } from "./virtual_clock.ts";

type Input = string;
type Effect =
  | { readonly keep: () => Promise<void> }
  | { readonly do: string; readonly urgent?: boolean }
  | { readonly persist: string; readonly token: number | null; readonly sync?: boolean };

/** A runner over a machine that does what `script` says for each input, and a disk that waits to be told. */
function subject(script: Record<Input, readonly Effect[]>, deadlines: (number | null)[] = []) {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const writes: {
    records: readonly string[];
    sync: boolean;
    done(): Promise<void>;
    fail(e: unknown): Promise<void>;
  }[] = [];
  let failure: unknown = null;
  const saturations: boolean[] = [];
  const runner = new Runner<Input, Effect, string>({
    step(input, nowMs) {
      seen.push(`step ${input}@${nowMs}`);
      return script[input] ?? [];
    },
    nextDeadlineMs: () => deadlines.length > 1 ? deadlines.shift() ?? null : deadlines[0] ?? null,
  }, {
    clock,
    persistOf: (effect) =>
      "persist" in effect
        ? { records: [effect.persist], token: effect.token, sync: effect.sync ?? true }
        : null,
    append(records, sync) {
      return new Promise((resolve, reject) => {
        const settle = async (act: () => void) => {
          act();
          await Promise.resolve();
        };
        writes.push({
          records,
          sync,
          done: () => settle(() => resolve()),
          fail: (error) => settle(() => reject(error)),
        });
      });
    },
    keepingOf: (effect) => "keep" in effect ? effect.keep : null,
    executeAtOnce: (effect) => "do" in effect && effect.urgent === true && seen.push(effect.do) > 0,
    execute: (effect) => "do" in effect && seen.push(effect.do),
    persisted: (token) => `persisted ${token}`,
    persistFailed: (token, text) => `failed ${token}: ${text}`,
    tick: "tick",
    saturated: (full) => saturations.push(full),
    failed: (error) => failure = error,
  });
  return { runner, clock, seen, writes, saturations, failure: () => failure };
}

/** Until what several promises wait for is done. */
async function ticks(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

Deno.test("Runner carries out effects in order, at once where nothing is persisted", () => {
  const { runner, seen } = subject({ a: [{ do: "1" }, { do: "2" }], b: [{ do: "3" }] });

  runner.feed("a");
  runner.feed("b");

  assertEquals(seen, ["step a@0", "1", "2", "step b@0", "3"]);
});

Deno.test("Runner holds back what follows a persist until it is synced, and what comes later too", async () => {
  const { runner, seen, writes } = subject({
    a: [{ do: "before" }, { persist: "r1", token: 7 }, { do: "after" }],
    b: [{ do: "later" }],
  });

  runner.feed("a");
  await Promise.resolve();
  runner.feed("b");
  const whileWriting = [...seen];
  assertEquals(runner.queued, 3); // the persist itself, and what is behind it
  await writes[0]?.done();

  assertEquals(runner.queued, 0);
  assertEquals(whileWriting, ["step a@0", "before", "step b@0"]);
  assertEquals(seen.slice(3), ["after", "later", "step persisted 7@0"]);
  assertEquals(writes.length, 1);
});

Deno.test("Runner carries out an urgent effect while others wait for the disk", async () => {
  const { runner, seen, writes } = subject({
    a: [{ persist: "r1", token: null }, { do: "after" }, { do: "at once", urgent: true }],
  });

  runner.feed("a");
  await Promise.resolve();
  const whileWriting = [...seen];
  await writes[0]?.done();

  assertEquals(whileWriting, ["step a@0", "at once"]);
  assertEquals(seen, ["step a@0", "at once", "after"]);
});

Deno.test("Runner writes all that waits together, and syncs when one of them must be", async () => {
  const { runner, seen, writes } = subject({
    a: [{ persist: "r1", token: null, sync: false }],
    b: [{ persist: "r2", token: null }, { do: "b" }],
    c: [{ persist: "r3", token: null, sync: false }, { do: "c" }],
  });

  runner.feed("a");
  runner.feed("b");
  await Promise.resolve();
  runner.feed("c");
  await writes[0]?.done();
  await Promise.resolve();
  await writes[1]?.done();

  assertEquals(writes.map(({ records, sync }) => ({ records, sync })), [
    { records: ["r1", "r2"], sync: true },
    { records: ["r3"], sync: false },
  ]);
  assertEquals(seen.filter((line) => !line.startsWith("step")), ["b", "c"]);
});

Deno.test("Runner answers each refused persist, and goes on with what follows", async () => {
  const { runner, seen, writes } = subject({
    a: [{ persist: "r1", token: 1 }, { persist: "r2", token: null }, { do: "after" }],
  });

  runner.feed("a");
  await Promise.resolve();
  await writes[0]?.fail(new P2pchatError("disk", "full"));

  assertEquals(seen, ["step a@0", "after", "step failed 1: full@0", "step failed null: full@0"]);
});

Deno.test("Runner holds back what follows something kept in another file until that and the write are done", async () => {
  const kept = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const asked: number[] = [];
  const keep = (at: 0 | 1) => () => {
    asked.push(at);
    return kept[at].promise;
  };
  const { runner, seen, writes } = subject({
    a: [{ do: "before" }, { keep: keep(0) }, { do: "after" }, { persist: "r1", token: 1 }],
    b: [{ keep: keep(1) }, { do: "later" }],
  });

  runner.feed("a");
  runner.feed("b");
  await Promise.resolve();
  const begun = [writes.map(({ records }) => records), asked];
  kept[1].resolve();
  await writes[0]?.done();
  await ticks();
  const whileKeeping = [...seen];
  kept[0].resolve();
  await ticks();

  assertEquals(begun, [[["r1"]], [0, 1]]);
  assertEquals(whileKeeping, ["step a@0", "before", "step b@0"]);
  assertEquals(seen.slice(3), ["after", "later", "step persisted 1@0"]);
});

Deno.test("Runner waits for what is kept in another file where the disk refuses the rest, too", async () => {
  const kept = Promise.withResolvers<void>();
  const { runner, seen, writes } = subject({
    a: [{ keep: () => kept.promise }, { persist: "r1", token: 1 }, { do: "after" }],
  });

  runner.feed("a");
  await Promise.resolve();
  await writes[0]?.fail(new P2pchatError("disk", "full"));
  await ticks();
  const whileKeeping = [...seen];
  kept.resolve();
  await ticks();

  assertEquals(whileKeeping, ["step a@0"]);
  assertEquals(seen.slice(1), ["after", "step failed 1: full@0"]);
});

Deno.test("Runner ends where keeping something breaks", async () => {
  for (const disk of ["writes", "refuses"]) {
    const bug = new TypeError("bug");
    const { runner, seen, writes, failure } = subject({
      a: [{ keep: () => Promise.reject(bug) }, { do: "after" }],
    });

    runner.feed("a");
    await Promise.resolve();
    if (disk === "writes") await writes[0]?.done();
    else await writes[0]?.fail(new P2pchatError("disk", "full"));
    await ticks();

    assertEquals(failure(), bug, disk);
    assertEquals(seen, ["step a@0"], disk);
  }
});

for (const error of [new TypeError("bug"), new P2pchatError("in-use", "another has begun there")]) {
  Deno.test(`Runner ends when the store breaks in a way that isn't the disk's: ${error.name}`, async () => {
    const { runner, seen, writes, failure } = subject({ a: [{ persist: "r1", token: 1 }] });

    runner.feed("a");
    await Promise.resolve();
    await writes[0]?.fail(error);
    runner.feed("b");

    assertEquals(failure(), error);
    assertEquals(seen, ["step a@0"]);
  });
}

Deno.test("Runner feeds a tick at the machine's earliest deadline", () => {
  const { runner, clock, seen } = subject({}, [50, null]);

  runner.feed("a");
  clock.advanceTo(49);
  const early = [...seen];
  clock.advanceTo(60);

  assertEquals(early, ["step a@0"]);
  assertEquals(seen, ["step a@0", "step tick@50"]);
});

Deno.test("Runner says when too many effects wait for the disk, and when none does", async () => {
  const { runner, writes, saturations } = subject({
    a: [{ persist: "r", token: null }, ...Array(9_000).fill({ do: "x" })],
  });

  runner.feed("a");
  await Promise.resolve();
  const full = [...saturations];
  await writes[0]?.done();

  assertEquals(full, [true]);
  assertEquals(saturations, [true, false]);
});

Deno.test("Runner does work in its place between effects, and what is left of it when it stops", async () => {
  const { runner, seen, writes } = subject({
    a: [{ do: "before" }, { persist: "r1", token: null }, { do: "after" }],
    b: [{ do: "later" }, { persist: "r2", token: null }],
  });
  const work = (what: string) => runner.inOrder(() => void seen.push(what));

  work("first");
  runner.feed("a");
  work("second");
  await Promise.resolve();
  runner.feed("b");
  work("third");
  const whileWriting = [...seen];
  await writes[0]?.done();
  const written = seen.slice(whileWriting.length);
  runner.stop();
  work("fourth");

  assertEquals(whileWriting, ["first", "step a@0", "before", "step b@0"]);
  assertEquals(written, ["after", "second", "later"]);
  assertEquals(seen.slice(-2), ["third", "fourth"]);
  assertEquals(writes.map(({ records }) => records), [["r1"], ["r2"]]);
});
