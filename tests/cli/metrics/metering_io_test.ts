/** What is served over real sockets: by whom it can be asked, and what nobody who asks oddly can do to others. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import { type MeteredHost } from "../../../lib/cli/metrics/metering.ts";
import { expose } from "../../../lib/cli/metrics/exposition.ts";
import { RegserverMetering } from "../../../lib/cli/metrics/regserver_metering.ts";
import type { LinkId } from "../../../lib/base/ids.ts";
import type { PointEffect } from "../../../lib/protocols/meeting_point/meeting_io.ts";
import { MeshMetering } from "../../../lib/cli/metrics/mesh_metering.ts";
import type { MeshStatus } from "../../../lib/protocols/mesh/schema/events.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { readOpenMetrics, valueOf } from "./openmetrics.ts";

const STATUS: MeshStatus = {
  event: "status",
  room: "00",
  name: "Alice",
  key: "KEY",
  members: [],
  unconfirmed: 0,
  unsent: 2,
  waiting: [],
  messages: 7,
  lastMessage: null,
  catchingUp: false,
  problems: ["it rains"],
};

/** A member that is measured, and answers as it is told. */
class Member implements AsyncDisposable {
  readonly metering = new MeshMetering();
  readonly notices: string[] = [];
  readonly warnings: string[] = [];
  answer: MeshStatus | "error" | null = STATUS;

  constructor(host = "127.0.0.1") {
    const hosted: MeteredHost = {
      waiting: { effects: 3, backlogBytes: 5 },
      command: (_, ref) => {
        if (this.answer === null) return;
        this.metering.takes(this.answer === "error" ? { event: "error" } : this.answer, ref);
      },
    };
    this.metering.measure(() => [hosted]);
    this.metering.serve({ host, port: 0 }, {
      notice: (text) => this.notices.push(text),
      warn: (text) => this.warnings.push(text),
    });
    this.metering.tell();
  }

  get port(): number {
    return Number(/:(\d+)\/metrics/.exec(this.notices[0]!)![1]);
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async figures() {
    return readOpenMetrics(await (await fetch(this.url("/metrics"))).text());
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.metering.close();
  }
}

async function said(connection: Deno.TcpConn, ...parts: readonly string[]): Promise<string> {
  for (const part of parts) await connection.write(new TextEncoder().encode(part));
  return await new Response(connection.readable).text();
}

Deno.test("metering: /metrics says how things stand, in either format", async () => {
  await using member = new Member();
  const figures = await member.figures();
  const text = await fetch(member.url("/metrics"), { headers: { accept: "text/plain" } });

  assertEquals(valueOf(figures, "p2pchat_members"), 1);
  assertEquals(valueOf(figures, "p2pchat_chat_messages_unsent"), 2);
  assertEquals(valueOf(figures, "p2pchat_problems"), 1);
  assertEquals(valueOf(figures, "p2pchat_ready"), 1);
  assertEquals(valueOf(figures, "p2pchat_queued_effects"), 3);
  assertEquals(valueOf(figures, "p2pchat_backlog_bytes"), 5);
  assert((valueOf(figures, "process_resident_memory_bytes") ?? 0) > 1e6);
  assertEquals(text.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assertMatch(await text.text(), /^# TYPE p2pchat_build_info gauge\n/);
});

Deno.test("metering: those who ask at one time get one text, made once", async () => {
  await using member = new Member();
  const ask = async () => await (await fetch(member.url("/metrics"))).text();
  const [one, other] = await Promise.all([ask(), ask()]);

  assertEquals(one, other); // otherwise the second one's time of the processor would be another
});

Deno.test("metering: /ready says why nobody can come in", async () => {
  await using member = new Member();
  member.answer = "error";
  const early = await fetch(member.url("/ready"));
  assertEquals([early.status, await early.text()], [503, "This member isn't in a room yet\n"]);
  member.answer = null; // an answer is as good for a second
  const health = await fetch(member.url("/health"));
  assertEquals([health.status, await health.text()], [200, "The program lives\n"]);
});

Deno.test("metering: a program that doesn't answer isn't ready, and its figures come all the same", async () => {
  await using member = new Member();
  member.answer = null;
  const [ready, figures] = await Promise.all([fetch(member.url("/ready")), member.figures()]);

  assertEquals(ready.status, 503);
  assertMatch(await ready.text(), /^The program doesn't answer/);
  assertEquals(valueOf(figures, "p2pchat_ready"), 0);
  assertEquals(valueOf(figures, "p2pchat_members"), undefined);
});

Deno.test("metering: only GET and HEAD, only these paths", async () => {
  await using member = new Member();
  const answers: [number, string][] = [];
  for (
    const [path, method] of [["/", "GET"], ["/metrics/", "GET"], ["/metrics", "POST"]] as const
  ) {
    const answer = await fetch(member.url(path), {
      method,
      ...(method === "POST" && { body: "x" }),
    });
    answers.push([answer.status, await answer.text()]);
  }
  const head = await fetch(member.url("/metrics"), { method: "HEAD" });

  assertEquals(answers, [
    [404, "There are /metrics, /health and /ready\n"],
    [404, "There are /metrics, /health and /ready\n"],
    [405, "Only GET and HEAD are answered\n"],
  ]);
  assertEquals([head.status, await head.text()], [200, ""]);
  assert(Number(head.headers.get("content-length")) > 1_000);
});

Deno.test("metering: a head in pieces is one, and one that is too long is refused", async () => {
  await using member = new Member();
  const host = `Host: 127.0.0.1:${member.port}`;
  const parts = ["GET /hea", "lth?a#b HTTP/1.1\r", `\n${host}\r\n\r`, "\n"];
  const whole = await said(await member.connect(), ...parts);
  const long = await said(
    await member.connect(),
    `GET /health HTTP/1.1\r\nX: ${"x".repeat(9_000)}`,
  );
  const binary = await said(await member.connect(), "\x16\x03\x01\r\n\r\n");
  const odd = await said(
    await member.connect(),
    `GET /health HTTP/1.1\r\n${host}\r\nX: \0\r\n\r\n`,
  );

  assertMatch(whole, /^HTTP\/1\.1 200 OK\r\n/);
  assertMatch(long, /^HTTP\/1\.1 431 /);
  for (const text of [binary, odd]) {
    assertMatch(text, /^HTTP\/1\.1 400 .*\r\n\r\nThat isn't a request of HTTP\/1\.1\n$/s);
  }
});

Deno.test("metering: at an address of this machine somebody else's page is told nothing", async () => {
  await using member = new Member();
  const own = `127.0.0.1:${member.port}`;
  const ask = async (...headers: readonly string[]) =>
    await said(await member.connect(), ["GET /metrics HTTP/1.1", ...headers, "\r\n"].join("\r\n"));
  const rebound = `Host: evil.example:${member.port}`;
  for (const headers of [[rebound], [rebound, "Origin: http://evil.example"], []]) {
    assertMatch(await ask(...headers), /^HTTP\/1\.1 421 .*\r\n\r\nOnly what is asked of 127\./s);
  }
  const foreign = await ask(`Host: ${own}`, "Origin: http://evil.example");
  assertMatch(foreign, /^HTTP\/1\.1 403 .*\r\n\r\nThe pages of others have no access here\n$/s);
  for (const host of [own, `localhost:${member.port}`]) {
    assertMatch(await ask(`Host: ${host}`), /^HTTP\/1\.1 200 /);
  }
});

Deno.test("metering: what others reach may be asked for by any name", async () => {
  await using member = new Member("0.0.0.0");
  const answer = await said(
    await member.connect(),
    "GET /health HTTP/1.1\r\nHost: monitored.example\r\n\r\n",
  );
  assertMatch(answer, /^HTTP\/1\.1 200 /);
});

Deno.test("metering: connections that say nothing keep nobody out", async () => {
  await using member = new Member();
  const silent = await Promise.all(Array.from({ length: 200 }, () => member.connect()));
  try {
    const health = await fetch(member.url("/health"));

    assertEquals([health.status, await health.text()], [200, "The program lives\n"]);
    // Most were closed for those that came after them.
    assertMatch(await said(silent.shift()!), /^HTTP\/1\.1 503 /);
  } finally {
    for (const connection of silent) connection.close();
  }
});

Deno.test("metering: whoever asks and never reads is cut off when the program ends", async () => {
  const member = new Member();
  const connection = await member.connect();
  await connection.write(
    new TextEncoder().encode(`GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:${member.port}\r\n\r\n`),
  );
  await fetch(member.url("/health")).then((answer) => answer.text());

  await member.metering.close(); // without it the test never ends
  connection.close();
});

Deno.test("metering: where it can be read from elsewhere, that is said once", async () => {
  await using member = new Member("0.0.0.0");
  member.metering.tell();

  assertMatch(member.notices.join(), /^Metrics are at http:\/\/0\.0\.0\.0:\d+\/metrics, with/);
  assertEquals(member.warnings.length, 1);
  assertMatch(
    member.warnings[0]!,
    /no secrets in them, and no names, but anybody can see how busy/,
  );
});

Deno.test("metering: where it can't listen, a sentence says so", async () => {
  await using member = new Member();
  const other = new MeshMetering();
  const told = { notice() {}, warn() {} };
  try {
    const at = (host: string, port: number) =>
      assertThrows(() => other.serve({ host, port }, told), P2pchatError);

    const taken = at("127.0.0.1", member.port);
    assertEquals(taken.code, "port-in-use");
    assertMatch(
      taken.message,
      /^Cannot serve metrics at 127\.0\.0\.1:\d+: another program has that port; choose another/,
    );
    const foreign = at("192.0.2.1", 0);
    assertEquals(foreign.code, "unreachable");
    assertMatch(foreign.message, /not an address of this machine; choose an address/);
  } finally {
    await other.close();
  }
});

Deno.test("metering: what goes into a machine and comes out is counted, and nothing else changes", async () => {
  await using member = new Member();
  const effects: readonly MeshEffect[] = [
    { type: "persist", records: [], token: 1, sync: true },
    {
      type: "show",
      event: { event: "error", code: "disk", text: "full" },
      ref: undefined,
    },
    {
      type: "show",
      event: { event: "left", name: "Bob", key: "KEY", reason: "lost" },
      ref: undefined,
    },
    message(false, false),
    message(true, false),
    message(false, true),
  ];
  const machine: Machine<MeshInput, MeshEffect> = {
    step: () => effects,
    nextDeadlineMs: () => 42,
  };
  const seen = member.metering.around(machine);

  assertEquals(seen.step({ type: "start" }, 0), effects);
  assertEquals(seen.nextDeadlineMs(), 42);
  seen.step({ type: "persisted", token: 1 }, 0);
  seen.step({ type: "persist-failed", token: 1, text: "full" }, 0);
  const figures = await member.figures();

  assertEquals(valueOf(figures, "p2pchat_step_duration_seconds_count"), 3);
  assertEquals(valueOf(figures, "p2pchat_store_duration_seconds_count"), 1);
  assertEquals(valueOf(figures, "p2pchat_store_failures_total"), 1);
  assertEquals(valueOf(figures, "p2pchat_errors_total", { code: "disk" }), 3);
  assertEquals(valueOf(figures, "p2pchat_leaves_total", { reason: "lost" }), 3);
  assertEquals(valueOf(figures, "p2pchat_chat_messages_received_total", { to: "all" }), 3);
  assertEquals(valueOf(figures, "p2pchat_chat_messages_sent_total", { to: "all" }), 3);
});

Deno.test("metering: what a meeting point refuses is counted", async () => {
  const metering = new RegserverMetering();
  const refused: PointEffect = {
    type: "send",
    link: 1 as LinkId,
    message: { type: "refused", stream: 0, code: "full", text: "" },
  };
  const seen = metering.aroundPoint({ step: () => [refused, refused], nextDeadlineMs: () => null });
  seen.step({ type: "tick" }, 0);
  const figures = readOpenMetrics(expose(metering.families, "openmetrics"));
  await metering.close();

  assertEquals(valueOf(figures, "p2pchat_meeting_refusals_total", { code: "full" }), 2);
});

function message(self: boolean, history: boolean): MeshEffect {
  const who = { id: "1", from: "Bob", shown: "Bob", key: "KEY", sentAt: "2026-11-27T00:00:00Z" };
  const event = { event: "message" as const, ...who, text: "hi", self, private: false, history };
  return { type: "show", event, ref: undefined };
}
