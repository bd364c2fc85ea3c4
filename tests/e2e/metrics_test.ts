/** `--metrics` of the built program: figures that move when people talk, /health, /ready, and who asks oddly. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readOpenMetrics, valueOf } from "../cli/metrics/openmetrics.ts";
import { DirectoryWorld, is, message, seesAll } from "./directory_world.ts";
import { Group } from "./group_world.ts";
import { holds, Node, Nodes } from "./node.ts";
import { freePort } from "./ports.ts";
import { TextProgram } from "./text_program.ts";

const METRICS = ["--metrics", "127.0.0.1:0"] as const;

/** Where the program serves its figures, as it says. */
async function placeOf(node: Node): Promise<string> {
  const { text } = await node.until(({ event, text }) =>
    event === "notice" && /^Metrics are at /.test(text)
  );
  return /http:\/\/\S+(?=\/metrics)/.exec(text)![0];
}

async function figuresAt(place: string) {
  const answer = await fetch(`${place}/metrics`);
  assertEquals(answer.status, 200);
  assertMatch(
    answer.headers.get("content-type") ?? "",
    /^application\/openmetrics-text; version=1/,
  );
  return readOpenMetrics(await answer.text());
}

type Figures = Awaited<ReturnType<typeof figuresAt>>;

/** Waits until the figures are as expected: what is asked within a second has one answer. */
async function until(place: string, what: string, isSo: (figures: Figures) => boolean) {
  await holds(what, async () => isSo(await figuresAt(place)));
}

async function get(place: string, path: string): Promise<readonly [number, string]> {
  const answer = await fetch(place + path);
  return [answer.status, await answer.text()];
}

Deno.test("metrics: a member of a room counts who is there, and what is said", async () => {
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null, { args: METRICS });
  const place = await placeOf(ann);
  await until(place, "Ann is alone", (now) => valueOf(now, "p2pchat_members") === 1);

  const bob = await nodes.ready("Bob", ann);
  await bob.say("marmalade");
  await ann.until(({ event, text }) => event === "message" && text === "marmalade");
  await ann.tell("Bob", "with ginger");
  await bob.until(({ event, private: isPrivate }) => event === "message" && isPrivate);

  await until(place, "two are there", (now) => valueOf(now, "p2pchat_members") === 2);
  const now = await figuresAt(place);
  const value = (name: string, labels = {}) => valueOf(now, name, labels);
  assertEquals(value("p2pchat_chat_messages_received_total", { to: "all" }), 1);
  assertEquals(value("p2pchat_chat_messages_sent_total", { to: "one" }), 1);
  assertEquals(value("p2pchat_joins_total"), 1);
  assertEquals(value("p2pchat_links"), 1);
  assertEquals(value("p2pchat_links_opened_total", { direction: "in" }), 1);
  for (
    const name of [
      "p2pchat_received_bytes_total",
      "p2pchat_sent_bytes_total",
      "p2pchat_disk_sync_duration_seconds_count",
      "p2pchat_store_duration_seconds_count",
      "p2pchat_step_duration_seconds_count",
      "p2pchat_event_loop_delay_seconds_count",
    ]
  ) assert((value(name) ?? 0) > 0, name);
  const text = await (await fetch(`${place}/metrics`)).text();
  for (const word of ["Ann", "Bob", "marmalade", "ginger", ann.port]) {
    assert(!text.includes(String(word)), String(word));
  }

  await bob.kill();
  await until(
    place,
    "Bob is lost",
    (now) =>
      valueOf(now, "p2pchat_leaves_total", { reason: "lost" }) === 1 &&
      valueOf(now, "p2pchat_links_ended_total", { how: "lost" }) === 1,
  );
  await ann.type(":q");
  assertEquals((await ann.ended()).code, 0);
});

/** A port that leads to another one once it is opened: until then whoever connects waits. */
class Gate implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #opened = Promise.withResolvers<void>();
  readonly #done: Promise<void>;

  constructor(to: number) {
    this.#done = this.#pass(to);
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  open(): void {
    this.#opened.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open();
    this.#listener.close();
    await this.#done;
  }

  async #pass(to: number): Promise<void> {
    for await (const near of this.#listener) {
      await this.#opened.promise;
      const far = await Deno.connect({ hostname: "127.0.0.1", port: to });
      const both = [near.readable.pipeTo(far.writable), far.readable.pipeTo(near.writable)];
      await Promise.allSettled(both);
    }
  }
}

Deno.test("metrics: a member is ready once it is in a room", async () => {
  await using nodes = new Nodes();
  const bob = await nodes.ready("Bob", null);
  await using gate = new Gate(bob.port);
  const at = `127.0.0.1:${freePort()}`;
  const place = `http://${at}`;
  const to = ["127.0.0.1", String(gate.port), "--host", "127.0.0.1", "--port", "0"];
  const ann = nodes.add(Node.start(["mesh", "Ann", ...to], { args: ["--metrics", at] }));
  const isServed = () => fetch(place).then((answer) => answer.text(), () => null);
  await holds("it is served", async () => await isServed() !== null);

  assertEquals(await get(place, "/ready"), [503, "This member isn't in a room yet\n"]);
  assertEquals((await get(place, "/health"))[0], 200);
  assertEquals(valueOf(await figuresAt(place), "p2pchat_ready"), 0);
  gate.open();
  await ann.until(is("ready"));
  await holds("it is ready", async () => (await get(place, "/ready"))[0] === 200);
  await until(place, "it says so", (now) => valueOf(now, "p2pchat_ready") === 1);

  await ann.kill();
  await bob.kill();
});

Deno.test("metrics: a coordinator counts members, entries and edits", async () => {
  await using group = new Group();
  const server = await group.serve(...METRICS);
  const place = await placeOf(server);
  assertEquals(await get(place, "/ready"), [200, "People can come in\n"]);
  assertEquals(await get(place, "/health"), [200, "The program lives\n"]);

  const [ann, bob] = await group.startAll("Ann", "Bob") as [Node, Node];
  await ann.say("one");
  for (const node of [ann, bob]) await node.until(message("one", node === ann));
  await ann.type("/edit two - 1");
  await bob.until(({ event, outcome }) => event === "edit" && outcome === "committed");

  await until(
    place,
    "all is counted",
    (now) =>
      valueOf(now, "p2pchat_members", { state: "member" }) === 2 &&
      valueOf(now, "p2pchat_last_entry") === 1 &&
      valueOf(now, "p2pchat_entries_total") === 1 &&
      valueOf(now, "p2pchat_edits_total", { outcome: "committed" }) === 1 &&
      valueOf(now, "p2pchat_edit_duration_seconds_count") === 1 &&
      (valueOf(now, "p2pchat_view") ?? 0) >= 2,
  );
  const words = ["peer", "Ann", "--server", group.server, "--host", "127.0.0.1", "--port", "0"];
  const other = group.nodes.add(Node.start(words));
  assertEquals((await other.ended()).last?.code, "name-taken");
  await until(
    place,
    "a refusal is counted",
    (now) => valueOf(now, "p2pchat_refusals_total", { code: "name-taken" }) === 1,
  );
});

Deno.test("metrics: a directory counts log-ins, calls and what it refuses", async () => {
  const { world, directory } = await DirectoryWorld.open(["ann"], ...METRICS);
  await using _ = world;
  const place = await placeOf(directory);
  const [calling, called] = await world.talking("Bob", "Cem");
  const wrong = world.launch("--login", "ann", { password: "wrong horse" });
  assertEquals((await wrong.ended()).last?.code, "bad-credentials");
  const ann = await world.logIn("ann");
  await seesAll(ann, "ann", "Bob", "Cem");

  await until(place, "all is counted", (now) =>
    valueOf(now, "p2pchat_clients") === 3 &&
    valueOf(now, "p2pchat_calls_open") === 1 &&
    valueOf(now, "p2pchat_log_ins_total", { as: "guest" }) === 2 &&
    valueOf(now, "p2pchat_log_ins_total", { as: "account" }) === 1 &&
    valueOf(now, "p2pchat_calls_total", { state: "connected" }) === 1 &&
    valueOf(now, "p2pchat_accounts") === 1 &&
    valueOf(now, "p2pchat_refusals_total", { code: "bad-credentials" }) === 1 &&
    (valueOf(now, "p2pchat_account_duration_seconds_count", { question: "check-password" }) ?? 0) >=
      2);
  assertEquals(await get(place, "/ready"), [200, "People can come in\n"]);
  await calling.type("q");
  await called.until(is("call"));
});

Deno.test("metrics: a coordinator that has lost its files is ready once its members have told what there was", async () => {
  await using group = new Group();
  const lost = await group.serve();
  const ann = await group.start("Ann");
  await lost.kill();
  await ann.kill();
  for (const file of ["state", "log"]) {
    await Deno.remove(`${group.serverData}/serve/${file}`).catch(() => {}); // a log may not be there
  }
  const server = await group.serve(...METRICS);
  const place = await placeOf(server);

  assertEquals(await get(place, "/ready"), [
    503,
    "The group waits for members who know what was there; see /status\n",
  ]);
  await group.start("Ann");
  await holds("the group goes on", async () => (await get(place, "/ready"))[0] === 200);
});

Deno.test("metrics: a directory whose engine doesn't answer isn't open", async () => {
  await using world = new DirectoryWorld();
  const at = `127.0.0.1:${freePort()}`;
  const engine = ["--engine", `etcd://127.0.0.1:${freePort()}/directory`];
  const directory = world.launchDirectory(...engine, "--metrics", at);
  await holds("it is served", () => fetch(`http://${at}/health`).then(isThere, () => false));

  assertEquals(await get(`http://${at}`, "/ready"), [503, "The directory isn't open yet\n"]);
  await directory.kill();
});

async function isThere(answer: Response): Promise<boolean> {
  await answer.text();
  return answer.status === 200;
}

Deno.test("metrics: where they can't be served, the program doesn't start, and says why", async () => {
  await using nodes = new Nodes();
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  for (const command of [["mesh", "Ann"], ["serve"], ["regserver"]]) {
    const words = [...command, "--host", "127.0.0.1", "--port", "0"];
    const node = nodes.add(Node.start(words, { args: ["--metrics", `127.0.0.1:${port}`] }));
    const { code, last } = await node.ended();

    assertEquals([code, last?.event, last?.code], [3, "fatal", "port-in-use"]);
    assertMatch(
      last?.text,
      /^Cannot serve metrics at 127\.0\.0\.1:\d+: another program has that port/,
    );
  }
  taken.close();
});

Deno.test("metrics: the program's first line comes first, and one warning where others can read", async () => {
  await using program = TextProgram.start(
    ["mesh", "Ann", "--host", "127.0.0.1", "--port", "0", "--metrics", "0.0.0.0:0"],
  );
  await program.until(/anybody can see how busy you are/);
  assertEquals(await program.quit(), 0);
  const lines = program.lines;

  assertMatch(lines[0]!, /^>INFO: Ann at address /);
  assertEquals(lines.filter((line) => line.includes("Metrics are at http://0.0.0.0:")).length, 1);
});

Deno.test("metrics: many who hold connections open, or ask oddly, disturb nobody who talks", async () => {
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null, { args: METRICS });
  const place = await placeOf(ann);
  const { port } = new URL(place);
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const silent = await Promise.all(Array.from({ length: 1_000 }, connect));
  const [first] = silent;
  assertMatch(await textFrom(first!), /^HTTP\/1\.1 503 .*\r\n\r\nToo many connect at once/s);
  const odd = await connect();
  await odd.write(new Uint8Array(65_536).fill(0x41)).catch(() => {});
  const unread = await connect();
  const asked = `GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  await unread.write(new TextEncoder().encode(asked));

  const bob = await nodes.ready("Bob", ann);
  await bob.say("through");
  await ann.until(message("through"));
  await until(place, "figures come", (now) => valueOf(now, "p2pchat_members") === 2);
  for (const one of [...silent, odd, unread]) one.close();
  await ann.type(":q");
  assertEquals((await ann.ended()).code, 0);
});

async function textFrom(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(1_024);
  let text = "";
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

const PROMTOOL = await hasPromtool();

async function hasPromtool(): Promise<boolean> {
  try {
    const command = new Deno.Command("promtool", { args: ["--version"], stdout: "null" });
    return (await command.output()).success;
  } catch {
    return false; // there is no such program
  }
}

Deno.test({
  name: `metrics: promtool finds nothing to complain about${
    PROMTOOL ? "" : ": it isn't installed (Debian's prometheus)"
  }`,
  ignore: !PROMTOOL,
  async fn() {
    await using nodes = new Nodes();
    const common = ["--host", "127.0.0.1", "--port", "0"];
    for (const command of [["mesh", "Ann"], ["serve"], ["regserver", "--meeting-point"]]) {
      const node = nodes.add(Node.start([...command, ...common], { args: METRICS }));
      const place = await placeOf(node);
      // It knows the format before OpenMetrics.
      const text = await (await fetch(`${place}/metrics`, { headers: { accept: "text/plain" } }))
        .text();
      const child = new Deno.Command("promtool", {
        args: ["check", "metrics"],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(text));
      await writer.close();
      const { success, stdout, stderr } = await child.output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);

      assertEquals([success, said], [true, ""]);
    }
  },
});
