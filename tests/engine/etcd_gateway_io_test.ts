/** What a node of etcd, or what stands in its place, may answer: outages, odd answers, answers that are lost. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { EtcdStore } from "../../lib/engine/etcd/etcd_store.ts";
import type { Changed, Entry, Revision } from "../../lib/engine/shared_store.ts";
import { SYSTEM_LINK_CLOCK } from "../../lib/transport/system_clock.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";

type Answer = (path: string, body: Body) => Response | Promise<Response>;
// deno-lint-ignore no-explicit-any -- as etcd reads it
type Body = any;

const base64 = (text: string) => new TextEncoder().encode(text).toBase64();
const HEADER = { header: { revision: "7" } };

/** Nodes on loopback that answer so, by turns of requests to each. */
class Nodes implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #servers: readonly Deno.HttpServer<Deno.NetAddr>[];

  constructor(...answers: readonly Answer[]) {
    this.#servers = answers.map((answer, n) =>
      Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
        const { pathname } = new URL(request.url);
        this.asked.push(`${n} ${pathname}`);
        return await answer(pathname, request.method === "GET" ? {} : await request.json());
      })
    );
  }

  get urls(): readonly string[] {
    return this.#servers.map(({ addr }) => `http://127.0.0.1:${addr.port}`);
  }

  store(user: { readonly name: string; readonly password: string } | null = null): EtcdStore {
    return new EtcdStore({ nodes: this.urls, user, clock: SYSTEM_LINK_CLOCK, random: () => 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.shutdown()));
  }
}

const found = (value: string) =>
  Response.json({
    ...HEADER,
    kvs: [{ key: base64("k"), value: base64(value), mod_revision: "7", create_revision: "7" }],
    count: "1",
  });

const refusal = (code: number, message: string, status = 400) =>
  Response.json({ error: message, message, code }, { status });

Deno.test("EtcdStore asks the next node where one answers with an outage, in words, or oddly", async () => {
  const odd: readonly (() => Response)[] = [
    () => refusal(14, "etcdserver: request timed out", 503),
    () => new Response("Bad Gateway", { status: 502 }),
    () => new Response("<html>", { status: 200 }),
    () => Response.json([]),
    () => Response.json({ ...HEADER, kvs: [{ key: "%%", value: "" }] }),
    () => Response.json({ ...HEADER, kvs: "none" }),
    () => Response.json({ header: { revision: "1e99" } }),
  ];
  for (const answer of odd) {
    await using nodes = new Nodes(answer, () => found("v"));
    const store = nodes.store();
    assertEquals((await store.get("k"))?.value, "v");
    assertEquals(nodes.asked.length, 2);
    assertEquals(store.health.trouble, null);
  }
});

/** As Go's servers answer where nothing is at a path. */
const missing = () => new Response("404 page not found\n", { status: 404 });

Deno.test("EtcdStore: an etcd that is too old for what is asked is told so, and not asked again", async () => {
  for (const version of ["3.3.27", "3.2.0", "2.3.8"]) {
    await using nodes = new Nodes(
      (path) =>
        path === "/version"
          ? Response.json({ etcdserver: version, etcdcluster: version })
          : missing(),
    );
    const error = await assertRejects(() => nodes.store().get("k"), P2pchatError);
    assertEquals(error.code, "version");
    assertStringIncludes(error.message, ` is etcd ${version.slice(0, 3)}, and 3.4 is the first`);
    assertEquals(nodes.asked, ["0 /v3/kv/range", "0 /version"]);
  }
});

Deno.test("EtcdStore: what has no such path, and is no old etcd, is an outage", async () => {
  const versions: readonly (() => Response)[] = [
    missing,
    () => Response.json({ etcdserver: "3.4.0" }),
    () => Response.json({ etcdserver: "a great one" }),
    () => Response.json({ etcdserver: 3 }),
  ];
  for (const version of versions) {
    await using nodes = new Nodes(
      (path) => path === "/version" ? version() : missing(),
      () => found("v"),
    );
    assertEquals((await nodes.store().get("k"))?.value, "v");
  }
});

Deno.test("EtcdStore asks the next node where one hasn't answered for a second", async () => {
  const late = Promise.withResolvers<Response>();
  const clock = new VirtualClock();
  const waited: boolean[] = [];
  await using nodes = new Nodes(
    () => {
      clock.advance(999);
      waited.push(!clock.isIdle);
      clock.advance(1);
      return late.promise;
    },
    () => found("v"),
  );
  const store = new EtcdStore({ nodes: nodes.urls, user: null, clock, random: () => 0 });

  assertEquals((await store.get("k"))?.value, "v");
  assertEquals([nodes.asked.length, waited], [2, [true]]);
  late.resolve(found("late"));
});

Deno.test("EtcdStore: a change that was made, though its answer was lost, is done, and made once", async () => {
  let value: string | null = null;
  const txn = (isLost: boolean) => (_: string, body: Body) => {
    const change = body;
    const isMade = value === null;
    if (isMade) value = change.success[0].request_put.value;
    if (isLost) return new Response("", { status: 502 });
    const kv = { key: base64("k"), value, mod_revision: "7", create_revision: "7" };
    const response = isMade
      ? { succeeded: true, responses: [{ response_put: HEADER }] }
      : { responses: [{ response_range: { kvs: [kv] } }] };
    return Response.json({ ...HEADER, ...response });
  };
  await using nodes = new Nodes(txn(true), txn(false));
  const change = {
    when: [{ key: "k", is: "absent" }],
    puts: [{ key: "k", value: "mine 1" }],
  } as const;

  assertEquals(await nodes.store().commit(change), { outcome: "done", revision: 7 });
  assertEquals(nodes.asked, ["0 /v3/kv/txn", "1 /v3/kv/txn"]);

  // Nothing was lost this time: somebody else has put the same.
  const outcome = await new EtcdStore({
    nodes: [nodes.urls[1]!],
    user: null,
    clock: SYSTEM_LINK_CLOCK,
    random: () => 0,
  }).commit(change);
  assertEquals(outcome.outcome, "conflict");
});

Deno.test("EtcdStore: a change of which an attempt was lost isn't said not to be made, whatever comes then", async () => {
  const change = {
    when: [{ key: "k", is: "absent" }],
    puts: [{ key: "k", value: "mine 1" }],
  } as const;
  const kv = { key: base64("k"), value: base64("other"), mod_revision: "9", create_revision: "7" };
  const answers = [
    refusal(8, "etcdserver: mvcc: database space exceeded"),
    refusal(7, "etcdserver: permission denied"),
    refusal(3, "etcdserver: request is too large"),
    Response.json({ ...HEADER, responses: [{ response_range: { kvs: [kv] } }] }),
  ];
  for (const answer of answers) {
    await using nodes = new Nodes(() => new Response("", { status: 502 }), () => answer.clone());
    assertEquals((await nodes.store().commit(change)).outcome, "unknown");
  }
});

Deno.test("EtcdStore: what waits behind a change of which an attempt was lost is tried where the engine answers", async () => {
  const kv = { key: base64("k"), value: base64("other"), mod_revision: "9", create_revision: "7" };
  const other = { ...HEADER, responses: [{ response_range: { kvs: [kv] } }] };
  const made = { ...HEADER, succeeded: true, responses: [{ response_put: HEADER }] };
  let isFirst = true;
  await using nodes = new Nodes(() => new Response("", { status: 502 }), () => {
    const answer = isFirst ? other : made;
    isFirst = false;
    return Response.json(answer);
  });
  const store = nodes.store();
  const put = (value: string) =>
    store.commit({ when: [{ key: "k", is: "absent" }], puts: [{ key: "k", value }] });

  const outcomes = await Promise.all([put("mine 1"), put("mine 2")]);
  assertEquals(outcomes.map(({ outcome }) => outcome), ["unknown", "done"]);
});

Deno.test("EtcdStore: of changes of which an attempt was lost, and one is under a lease that has ended, none is said not to be made that may be", async () => {
  const kv = { key: base64("a"), value: base64("1"), mod_revision: "7", create_revision: "7" };
  const alone = (body: Body) =>
    body.compare[0].key === base64("a")
      ? Response.json({ ...HEADER, responses: [{ response_range: { kvs: [kv] } }] })
      : refusal(5, "etcdserver: requested lease not found", 404);
  await using nodes = new Nodes(
    () => new Response("", { status: 502 }),
    (_, body) =>
      body.compare === undefined
        ? refusal(5, "etcdserver: requested lease not found", 404)
        : alone(body),
  );
  const store = nodes.store();
  const put = (key: string) =>
    store.commit({ when: [{ key, is: "absent" }], puts: [{ key, value: "1", lease: "9" }] });

  const outcomes = await Promise.all([put("a"), put("b")]);
  assertEquals(outcomes.map(({ outcome }) => outcome), ["done", "unknown"]);
});

Deno.test("EtcdStore: what the engine says for no reason known here is told, and nobody waits for ever", async () => {
  for (const code of [1, 3, 9, 12]) {
    await using nodes = new Nodes(() => refusal(code, "etcdserver: odd"));
    const outcome = await nodes.store().commit({
      when: [{ key: "k", is: "absent" }],
      puts: [{ key: "k", value: "v" }],
    });
    assertEquals(outcome.outcome, "refused");
    const error = await assertRejects(() => nodes.store().get("k"), P2pchatError);
    assertEquals([error.code, error.message], ["protocol", "Cannot use the engine: odd"]);
  }
});

Deno.test("EtcdStore says that a name is needed where none was given", async () => {
  await using nodes = new Nodes(() => refusal(3, "etcdserver: user name is empty"));
  const error = await assertRejects(() => nodes.store().get("k"), P2pchatError);
  assertEquals(error.code, "bad-credentials");
  assertEquals(
    error.message,
    "Cannot use the engine: it takes nobody without a name; give --engine-user and " +
      "--engine-password-file",
  );
});

Deno.test("EtcdStore: where the engine has no space, or forbids it, a change says so", async () => {
  const cases = [
    [refusal(8, "etcdserver: mvcc: database space exceeded"), "disk"],
    [refusal(7, "etcdserver: permission denied"), "not-allowed"],
  ] as const;
  for (const [answer, code] of cases) {
    await using nodes = new Nodes(() => answer.clone());
    const store = nodes.store();
    const outcome = await store.commit({
      when: [{ key: "k", is: "absent" }],
      puts: [{ key: "k", value: "v" }],
    });
    assertEquals(outcome.outcome === "refused" && outcome.code, code);
    assertEquals((await assertRejects(() => store.get("k"), P2pchatError)).code, code);
  }
});

Deno.test("EtcdStore shows who it is, again where its token is too old, and says where it isn't taken", async () => {
  const user = { name: "chat", password: "secret" };
  let token = 0;
  const answer: Answer = (path, body) => {
    if (path.endsWith("/authenticate")) {
      return body.password === "secret"
        ? Response.json({ ...HEADER, token: `${++token}` })
        : refusal(3, "etcdserver: authentication failed, invalid user ID or password");
    }
    return token === 1 ? refusal(16, "etcdserver: invalid auth token", 401) : found("v");
  };
  await using nodes = new Nodes(answer);
  assertEquals((await nodes.store(user).get("k"))?.value, "v");
  assertEquals(nodes.asked.map((asked) => asked.split("/").at(-1)), [
    "authenticate",
    "range",
    "authenticate",
    "range",
  ]);

  const wrong = nodes.store({ ...user, password: "guess" });
  const error = await assertRejects(() => wrong.get("k"), P2pchatError);
  assertEquals(error.code, "bad-credentials");
  assertEquals(
    error.message,
    "Cannot use the engine as chat: authentication failed, invalid user ID or password; check " +
      "--engine-user and --engine-password-file",
  );
});

/** A stream of watch answers, which goes on until it is cancelled. */
function stream(...lines: readonly object[]): Response {
  const text = lines.map((line) => `${JSON.stringify({ result: line })}\n`).join("");
  return new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
    }),
  );
}

const put = (key: string, value: string, revision: number) => ({
  kv: {
    key: base64(key),
    value: base64(value),
    mod_revision: `${revision}`,
    create_revision: `${revision}`,
  },
});

/** A node that has entries so long. @param charactersMax Of one answer: a longer one doesn't come in time. */
function reading(lengths: readonly number[], charactersMax: number, limits: number[]): Answer {
  return (_, { key, limit, revision }) => {
    const from = Number(atob(key).slice(1, 5)) + (atob(key).endsWith("\0") ? 1 : 0);
    const some = lengths.slice(from, from + Number(limit));
    limits.push(Number(limit));
    if (some.reduce((sum, length) => sum + length, 0) > charactersMax) {
      return refusal(14, "too long", 503);
    }
    const kvs = some.map((length, at) => {
      const key = base64(`k${String(from + at).padStart(4, "0")}`);
      return { key, value: base64("x".repeat(length)), mod_revision: "7", create_revision: "7" };
    });
    const more = from + some.length < lengths.length;
    return Response.json({ header: { revision: revision ?? "7" }, kvs, more });
  };
}

Deno.test("EtcdStore.read() asks for as many entries at once as can be had in time", async () => {
  const limits: number[] = [];
  // Many short ones, and behind them long ones: broadcasts, say.
  const lengths = [...Array(1_500).fill(100), ...Array(200).fill(65_000)];
  await using nodes = new Nodes(reading(lengths, 8 * 1024 * 1024, limits));
  const { entries } = await nodes.store().read("k");
  assertEquals(entries.map(({ value }) => value.length), lengths);
  assertEquals(limits.slice(0, 7), [4, 16, 64, 256, 1_000, 1_000, 4]);
});

Deno.test("EtcdStore.read() begins anew where etcd has forgotten the revision of its first page", async () => {
  let forgets = 1;
  const answer = reading(Array(1_100).fill(100), 1_000_000, []);
  await using nodes = new Nodes((path, body) => {
    const isForgotten = "revision" in body && forgets-- > 0;
    return isForgotten
      ? refusal(11, "etcdserver: mvcc: required revision has been compacted")
      : answer(path, body);
  });
  assertEquals((await nodes.store().read("k")).entries.length, 1_100);
  forgets = 100;
  // An engine that forgets all at once is given up.
  const { code } = await assertRejects(() => nodes.store().read("k"), P2pchatError);
  assertEquals(code, "protocol");
});

Deno.test("EtcdStore.follow() reads all anew where etcd has forgotten what was between, and goes on", async () => {
  const starts: string[] = [];
  let reads = 0;
  const answer: Answer = (path, body) => {
    if (path === "/v3/kv/range") {
      reads++;
      return Response.json({
        header: { revision: `${reads * 10}` },
        kvs: [put("k", `read ${reads}`, reads).kv],
      });
    }
    starts.push(body.create_request.start_revision);
    switch (starts.length) {
      case 1:
        return stream({ created: true }, {
          events: [put("k", "a", 12), put("kl", "b", 12), put("k", "c", 13)],
        }, {
          canceled: true,
        });
      case 2:
        return stream({ created: true }, { canceled: true, compact_revision: "18" });
      default:
        // One that was told already, and one in two lines of a packet.
        return stream({ created: true }, { events: [put("k", "old", 20)] }, {
          events: [put("k", "d", 21)],
        });
    }
  };
  await using nodes = new Nodes(answer);
  const told: string[] = [];
  const following = nodes.store().follow("k", {
    all: (entries: readonly Entry[], revision: Revision) =>
      told.push(`all ${entries[0]!.value} at ${revision}`),
    changed: (changes: readonly Changed[], revision: Revision) =>
      told.push(`${changes.map(({ entry }) => entry!.value).join()} at ${revision}`),
    refused: (error) => told.push(error.message),
  });
  for (let waited = 0; told.length < 5 && waited < 60_000; waited += 10) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  following.close();

  assertEquals(told, ["all read 1 at 10", "a,b at 12", "c at 13", "all read 2 at 20", "d at 21"]);
  assertEquals(starts, ["11", "14", "21"]);
});

Deno.test("EtcdStore.follow() shows anew who it is where its token is too old, and reads all anew where a line is too long", async () => {
  let token = 0;
  let watches = 0;
  let reads = 0;
  const answer: Answer = (path) => {
    if (path.endsWith("/authenticate")) return Response.json({ ...HEADER, token: `${++token}` });
    if (path === "/v3/kv/range") {
      reads++;
      return Response.json({ header: { revision: `${reads * 10}` }, kvs: [] });
    }
    switch (++watches) {
      case 1:
        return stream({ created: true }, { canceled: true, cancel_reason: "invalid auth token" });
      case 2:
        return new Response("x".repeat(17 * 1024 * 1024));
      default:
        return stream({ created: true }, { events: [put("k", "a", 21)] });
    }
  };
  await using nodes = new Nodes(answer);
  const told: string[] = [];
  const following = nodes.store({ name: "chat", password: "secret" }).follow("k", {
    all: (_, revision) => told.push(`all at ${revision}`),
    changed: (_, revision) => told.push(`changed at ${revision}`),
    refused: (error) => told.push(error.message),
  });
  for (let waited = 0; told.length < 3 && waited < 60_000; waited += 10) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  following.close();
  assertEquals([told, token], [["all at 10", "all at 20", "changed at 21"], 2]);
});

Deno.test("EtcdStore.follow() reads all anew at a node that lags, and ends where the engine was set back", async () => {
  const revisions = ["10", "12", "5"];
  const created = (revision: string) => ({ created: true, header: { revision } });
  let streams = 0;
  await using nodes = new Nodes((path) => {
    if (path === "/v3/kv/range") {
      return Response.json({ header: { revision: revisions.shift() }, kvs: [] });
    }
    switch (++streams) {
      case 1:
        return stream(created("10"), { events: [put("k", "a", 11)] }, { canceled: true });
      case 2:
        return stream(created("9"));
      default:
        return stream(created("5"));
    }
  });
  const { promise, resolve } = Promise.withResolvers<P2pchatError>();
  const told: string[] = [];
  const following = nodes.store().follow("k", {
    all: (_, revision) => told.push(`all at ${revision}`),
    changed: (_, revision) => told.push(`changed at ${revision}`),
    refused: resolve,
  });
  assertEquals((await promise).code, "store-corrupt");
  assertEquals(told, ["all at 10", "changed at 11", "all at 12"]);
  following.close();
});

Deno.test("EtcdStore.follow() ends with a sentence where it is forbidden", async () => {
  await using nodes = new Nodes(() => refusal(7, "etcdserver: permission denied"));
  const { promise, resolve } = Promise.withResolvers<P2pchatError>();
  const following = nodes.store().follow("k", {
    all: () => {},
    changed: () => {},
    refused: resolve,
  });
  assertEquals((await promise).message, "Cannot use the engine: permission denied");
  following.close();
});

Deno.test("EtcdStore.follow() that is closed while it reads follows nothing", async () => {
  const read = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  await using nodes = new Nodes(async (path) => {
    if (path.endsWith("/watch")) return stream({ created: true });
    read.resolve();
    await answered.promise;
    return found("v");
  });
  const following = nodes.store().follow("k", { all() {}, changed() {}, refused() {} });
  await read.promise;
  following.close();
  answered.resolve();
  await new Promise((resolve) => setTimeout(resolve, 200));

  assertEquals(nodes.asked, ["0 /v3/kv/range"]);
});

Deno.test("EtcdStore.follow() goes on at another node where its own is gone without a word, as soon as that misses an answer", async () => {
  const over = Promise.withResolvers<void>();
  const late = async () => {
    await over.promise;
    return Response.json(HEADER);
  };
  const silent = () =>
    new Response(
      new ReadableStream({
        start: (controller) =>
          controller.enqueue(new TextEncoder().encode('{"result":{"created":true}}\n')),
      }),
    );
  let isGone = false;
  await using nodes = new Nodes(
    (path) => isGone ? late() : path === "/v3/watch" ? silent() : Response.json(HEADER),
    (path) =>
      path === "/v3/watch"
        ? stream({ created: true }, { events: [put("k", "a", 8)] })
        : Response.json(HEADER),
  );
  const store = nodes.store();
  const told: string[] = [];
  const following = store.follow("k", {
    all: (_, revision) => told.push(`all at ${revision}`),
    changed: (_, revision) => told.push(`changed at ${revision}`),
    refused: (error) => told.push(error.message),
  });
  const until = async (count: number) => {
    for (let waited = 0; told.length < count && waited < 30_000; waited += 10) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await until(1);
  while (!nodes.asked.includes("0 /v3/watch")) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  isGone = true;
  await store.get("k");
  await until(2);
  following.close();
  over.resolve();

  assertEquals(told, ["all at 7", "changed at 8"]);
});
