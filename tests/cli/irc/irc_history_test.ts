import { assert, assertEquals } from "@std/assert";
import { cpuMs } from "../../cpu_time.ts";
import { IrcBench, KEY } from "./irc_bench.ts";

const CAPS = "draft/chathistory batch server-time message-tags standard-replies";

/** Bob has said n0 to n9, a second apart, and something privately in between. */
function talked(caps = CAPS): IrcBench {
  const bench = new IrcBench();
  bench.room();
  for (let at = 0; at < 10; at++) {
    if (at === 5) bench.said("Bob", "psst", { private: true, id: "p" });
    bench.said("Bob", `n${at}`, { id: `m${at}` });
  }
  assert(!bench.join(caps).join().includes("n9"), "it asks for it");
  return bench;
}

function asked(bench: IrcBench, line: string): readonly string[] {
  bench.line(`CHATHISTORY ${line}`);
  const lines = bench.bare();
  assert(lines[0]!.includes("BATCH +") && lines.at(-1)!.includes("BATCH -"), lines.join("\n"));
  return lines.slice(1, -1).map((line) => line.slice(line.lastIndexOf(":") + 1));
}

/** When `n` was said. */
const at = (bench: IrcBench, n: string) =>
  `timestamp=${bench.events.find(({ fields }) => fields["text"] === n)!.fields["at"]}`;

Deno.test("irc history: the last, what was before, after, between and around", () => {
  const bench = talked();

  assertEquals(asked(bench, "LATEST #room * 3"), ["n7", "n8", "n9"]);
  assertEquals(asked(bench, "LATEST #room msgid=m6 9"), ["n7", "n8", "n9"]);
  assertEquals(asked(bench, "BEFORE #room msgid=m3 2"), ["n1", "n2"]);
  assertEquals(asked(bench, "AFTER #room msgid=m3 2"), ["n4", "n5"]);
  assertEquals(asked(bench, "BETWEEN #room msgid=m2 msgid=m6 9"), ["n3", "n4", "n5"]);
  assertEquals(asked(bench, "BETWEEN #room msgid=m6 msgid=m2 2"), ["n4", "n5"]);
  assertEquals(asked(bench, "AROUND #room msgid=m5 4"), ["n3", "n4", "n5", "n6"]);
  assertEquals(asked(bench, "AROUND #room msgid=m5 1"), ["n5"]);
  assertEquals(asked(bench, "LATEST Bob * 5"), ["psst"]);
  assertEquals(asked(bench, "LATEST Eve * 5"), []);
});

Deno.test("irc history: times are points, too", () => {
  const bench = talked();

  assertEquals(asked(bench, `BEFORE #room ${at(bench, "n3")} 2`), ["n1", "n2"]);
  assertEquals(asked(bench, `AFTER #room ${at(bench, "n3")} 2`), ["n4", "n5"]);
  assertEquals(asked(bench, `BETWEEN #room ${at(bench, "n2")} msgid=m5 9`), ["n3", "n4"]);
  assertEquals(asked(bench, "BEFORE #room timestamp=2020-01-01T00:00:00.000Z 5"), []);
  assertEquals(asked(bench, "AFTER #room timestamp=2030-01-01T00:00:00.000Z 5"), []);
});

Deno.test("irc history: what can't be answered is told", () => {
  const bench = talked();
  const failed = (line: string) => {
    bench.line(`CHATHISTORY ${line}`);
    return bench.bare().map((line) => line.split(" ").slice(1, 5).join(" "));
  };

  assertEquals(failed("SOME #room * 3"), ["FAIL CHATHISTORY UNKNOWN_COMMAND SOME"]);
  assertEquals(failed("LATEST #room *"), ["FAIL CHATHISTORY NEED_MORE_PARAMS LATEST"]);
  assertEquals(failed("LATEST #room * 0"), ["FAIL CHATHISTORY INVALID_PARAMS LATEST"]);
  assertEquals(failed("BEFORE #room yesterday 5"), ["FAIL CHATHISTORY INVALID_PARAMS BEFORE"]);
  assertEquals(failed("BEFORE #room msgid=none 5"), ["FAIL CHATHISTORY MESSAGE_ERROR BEFORE"]);
  const plain = talked("draft/chathistory"); // it has no other replies to it
  plain.line("CHATHISTORY LATEST #room * -5");
  assert(plain.bare()[0]!.includes(" FAIL CHATHISTORY INVALID_PARAMS LATEST "));
});

Deno.test("irc history: an answer has ids, times and the batch", () => {
  const bench = talked();
  bench.line("CHATHISTORY LATEST #room * 1");

  assertEquals(
    bench.taken()[1],
    [
      "@time=2026-01-31T12:00:14.000Z;msgid=m9;batch=b1",
      `:Bob!p2p@${KEY.bob} PRIVMSG #room :n9`,
    ].join(" "),
  );
});

Deno.test("irc history: no more text comes at once than a client reads at leisure", () => {
  const bench = new IrcBench();
  bench.room();
  for (let at = 0; at < 60; at++) {
    bench.said("Bob", `${at} ${"x".repeat(60_000)}`, { id: `m${at}` });
  }
  bench.join(CAPS);
  const ids = (line: string) => {
    bench.line(`CHATHISTORY ${line}`);
    return [...bench.taken().join("\n").matchAll(/msgid=(m\d+)/g)].map(([, id]) => id);
  };

  assertEquals(ids("LATEST #room * 60").at(-1), "m59");
  assertEquals(ids("LATEST #room * 60").length, 17);
  assertEquals(ids("AFTER #room msgid=m0 60")[0], "m1");
  assertEquals(ids("AFTER #room msgid=m0 60").length, 17);
});

const LATER = "2026-02-01T00:00:00.000Z";

Deno.test("irc history: what is told of a crowd, and of those who have left it, costs no look at all of it for each", () => {
  const bench = new IrcBench();
  bench.directory();
  bench.join();
  const users = Array.from({ length: 4_000 }, (_, at) => ({
    ...{ name: `user${at}`, key: `key${at}`, state: "free", guest: false },
  }));
  const come = cpuMs(() => bench.event({ event: "users", users }));
  const again = cpuMs(() => bench.event({ event: "users", users }));
  bench.events.push(...Array.from({ length: 5_000 }, (_, at) => {
    const gone = { from: `gone${at % 50}`, key: `gonekey${at % 50}` };
    const fields = {
      event: "broadcast",
      id: `b${at}`,
      text: "hi",
      at: LATER,
      self: false,
      ...gone,
    };
    return { id: 10_000 + at, fields, lines: [] };
  }));
  const asked = cpuMs(() => bench.line("CHATHISTORY LATEST #lobby * 50"));

  assertEquals(bench.taken().filter((line) => line.includes(" PRIVMSG #lobby ")).length, 50);
  for (const ms of [come, again, asked]) assert(ms < 1_000, `${come}, ${again}, ${asked} ms`);
});

Deno.test("irc history: a thousand questions between two events read what is kept once", () => {
  const bench = talked();
  const before = bench.reads;
  for (let times = 0; times < 1_000; times++) {
    assertEquals(asked(bench, "LATEST #room * 1"), ["n9"]);
  }
  assertEquals(bench.reads - before, 1);
  bench.said("Bob", "news");
  bench.bare();

  assertEquals(asked(bench, "LATEST #room * 2"), ["n9", "news"]);
  assertEquals(bench.reads - before, 2);
});
