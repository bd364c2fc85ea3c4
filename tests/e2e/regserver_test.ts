/** `p2pchat regserver`: what its operator sees and does, and what is on its disk afterwards. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { foldName } from "../../lib/base/text/names.ts";
import {
  accountLines,
  accountRow,
  type AccountTable,
} from "../../lib/store/accounts/accounts_csv.ts";
import { accountOf } from "../contracts/accounts_contract.ts";
import { writeAccounts } from "./directory_world.ts";
import { BUSY_MS, holds, Node, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { newSigner, People } from "./people.ts";
import { freePort } from "./ports.ts";
import { canMount, fill, mount, unmount } from "./small_disk.ts";
import { TextProgram } from "./text_program.ts";
import { slow } from "../given.ts";

const PASSWORD = "correct horse";

/** A directory and its clients. */
class World extends Nodes {
  readonly data: string = Deno.makeTempDirSync({ prefix: "p2pchat-regserver-" });
  readonly port: number = freePort();
  readonly people: People = new People(this.port);

  constructor() {
    super();
    this.defer(() => Deno.remove(this.data, { recursive: true }));
    this.use(this.people);
  }

  words(...args: readonly string[]): readonly string[] {
    return ["regserver", "--host", "127.0.0.1", "--port", String(this.port), ...args];
  }

  /** Starts or restarts the directory, and waits until it is ready. */
  async serve(...args: readonly string[]): Promise<Node> {
    const node = this.add(Node.start(this.words(...args), { data: this.data }));
    await node.until(({ event }) => event === "ready");
    return node;
  }

  /** Runs `p2pchat accounts WORDS` for the directory. */
  async accounts(...words: readonly string[]): Promise<void> {
    const { success, stderr } = await new Deno.Command(PROGRAM, {
      args: ["accounts", ...words, "--data", this.data],
      env: { P2PCHAT_PASSWORD: PASSWORD },
      stdin: "null",
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  }

  file(name: string): Promise<string> {
    return Deno.readTextFile(`${this.data}/regserver/${name}`);
  }
}

const is = (name: string, fields: Readonly<Record<string, unknown>> = {}) => (event: ShownEvent) =>
  event.event === name && Object.entries(fields).every(([field, value]) => event[field] === value);

Deno.test("regserver: the operator is told of all who come, go and tell all, and ends it", async () => {
  await using world = new World();
  const { people } = world;
  const directory = await world.serve();
  const ready = directory.events.find(is("ready"))!;
  assertEquals([ready.command, ready.host, ready.port, ready.accounts], [
    "regserver",
    "127.0.0.1",
    world.port,
    0,
  ]);
  assertMatch(ready.key, /^[a-z0-9]{26,}$/);

  const ann = people.somebody("ann").enters({ how: "sign-up", password: PASSWORD, port: 5_001 });
  await people.said(ann, "entered");
  await directory.until(is("signup", { name: "ann" }));
  await directory.until(is("login", { name: "ann", guest: false }));
  const bob = await people.guest("bob");
  await directory.until(is("login", { name: "bob", guest: true }));
  const { users } = await directory.ask("list");
  assertEquals(
    users.map(({ since: _, key, ...user }: ShownEvent) => ({ ...user, hasKey: typeof key })),
    [
      { name: "ann", state: "free", guest: false, host: "127.0.0.1", port: 5_001 },
      { name: "bob", state: "free", guest: true, host: "", port: 0 },
    ].map((user) => ({
      ...user,
      address: "127.0.0.1",
      relayedBytes: 0,
      verified: false,
      hasKey: "string",
    })),
  );

  bob.broadcast(7, "dinner");
  const { number } = await people.said(bob, "broadcast-taken");
  await directory.until(is("broadcast", { id: String(number), from: "bob" }));
  await people.until(() => ann.told.includes("dinner"));
  await directory.command({ command: "broadcast", text: "two\nlines", ref: "b" });
  const sent = await directory.until(is("broadcast-sent", { ref: "b" }));
  assertEquals([sent.reached, ann.told, bob.told], [2, ["dinner", "two\nlines"], ["two\nlines"]]);

  bob.hangsUp();
  await directory.until(is("logout", { name: "bob", reason: "quit" }));
  const status = await directory.ask("status");
  const { accounts, clients, clientsMax, calls, kept, key, problems } = status;
  assertEquals([accounts, clients, clientsMax, calls, kept, key, problems], [
    1,
    1,
    1_000,
    0,
    2,
    ready.key,
    [],
  ]);
  await directory.type("/exit");
  assertEquals((await people.said(ann, "dismissed")).because, "closing");
  const { code, last } = await directory.ended();
  assertEquals([code, last?.event, last?.reason], [0, "bye", "quit"]);
});

Deno.test("regserver: who is kicked is told, and refused for a minute, under any name", async () => {
  await using world = new World();
  const { people } = world;
  const directory = await world.serve();
  const bob = await people.guest("Bob");

  const unknown = await directory.ask("kick", { name: "bobb" });
  assertEquals([unknown.event, unknown.code], ["error", "unknown-user"]);
  assertStringIncludes(unknown.text, "did you mean /kick Bob?");
  const done = await directory.ask("kick", { name: "bob" });
  assertEquals(done.event, "notice");
  const { because, retryMs } = await people.said(bob, "dismissed");
  assertEquals([because, retryMs], ["kicked", 60_000]);
  await directory.until(is("logout", { name: "Bob", reason: "kicked" }));
  await people.until(() => bob.link === null);

  bob.enters({ how: "guest" });
  const refused = await people.said(bob, "refused");
  assertEquals(refused.code, "kicked");
  assert(refused.retryMs > 60_000 - BUSY_MS && refused.retryMs <= 60_000);
  const other = people.somebody("BOB").enters({ how: "guest" });
  assertEquals((await people.said(other, "refused")).code, "kicked");
});

Deno.test("regserver: a person reads what happens, its key first", async () => {
  await using world = new World();
  const { people } = world;
  await using program = TextProgram.start(world.words(), { data: world.data });
  const [, key] = await program.until(/^Key .*: ([a-z0-9]{26,})$/m);
  await program.until(/^No accounts yet\.$/m);
  const [first] = program.lines;
  assertEquals(
    first,
    `Listening at ${world.port}. Users connect with: p2pchat peer --registry 127.0.0.1:${world.port}`,
  );

  const ann = await people.guest("ann");
  const bob = await people.guest("bob");
  bob.hangsUp();
  await program.until(/ \* bob left \(quit\)$/m);
  await program.type("/list", "hello", "/status");
  await program.until(/^ann {3}free, guest {2}127\.0\.0\.1 {2}- {15}\d\d:\d\d {2}-$/m);
  await program.until(/^error: Nothing was done about "hello": commands begin with \//m, "stderr");
  await program.until(new RegExp(`^Your key: ${key}$`, "m"));
  program.signal("SIGTERM");

  assertEquals(await program.ended(), 0);
  assertEquals(program.lines.slice(3, 6), [
    "* ann came in as a guest",
    "* bob came in as a guest",
    "* bob left (quit)",
  ]);
  assertEquals((await people.said(ann, "dismissed")).because, "closing");
});

slow.test("regserver: p2pchat accounts works beside it, and both see what the other does", async () => {
  await using world = new World();
  const { people } = world;
  writeAccounts(world.data, "ann");
  const directory = await world.serve();
  assertEquals(directory.events.filter(is("notice")), []);
  assertEquals(directory.events.find(is("ready"))!.accounts, 1);

  const zoe = people.somebody("zoe").enters({ how: "sign-up", password: PASSWORD });
  await people.said(zoe, "entered");
  await world.accounts("add", "bob");
  const bob = people.somebody("bob").enters({ how: "log-in", password: PASSWORD });
  await people.said(bob, "entered");
  await world.accounts("remove", "zoe");
  assertEquals((await people.said(zoe, "dismissed")).because, "forgotten");
  await directory.until(is("logout", { name: "zoe", reason: "forgotten" }));

  const names = (await world.file("accounts.csv")).split("\n").map((line) => line.split(",")[0]);
  assertEquals(names, ["name", "ann", "bob", ""]);
});

Deno.test("regserver: two of one folder, and a port that is taken, are refused", async () => {
  await using world = new World();
  await world.serve();

  const second = world.add(Node.start(world.words(), { data: world.data }));
  const { code, last } = await second.ended();
  assertEquals([code, last?.event, last?.code], [4, "fatal", "in-use"]);
  // For datagrams alone.
  const port = freePort();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
  world.defer(() => socket.close());
  const words = ["regserver", "--host", "127.0.0.1", "--port", String(port)];
  const udp = await world.add(Node.start(words)).ended();
  assertEquals([udp.code, udp.last?.code], [3, "port-in-use"]);
  // Otherwise the operator looks at who listens for links, and finds nobody.
  assertMatch(String(udp.last?.text), new RegExp(`^Cannot listen at UDP port ${port}: `));
});

Deno.test("regserver: --port 0 is one port for links and datagrams, and --advertise what it says", async () => {
  await using nodes = new Nodes();
  const words = ["regserver", "--host", "127.0.0.1", "--port", "0", "--advertise"];
  const directory = nodes.add(Node.start([...words, "chat.example:7"]));
  const ready = await directory.until(is("ready"));
  assertEquals([ready.host, ready.port], ["chat.example", 7]);
  await directory.type("/exit");
  assertEquals((await directory.ended()).code, 0);

  const own = nodes.add(Node.start([...words, "chat.example"]));
  const { host, port } = await own.until(is("ready"));
  assertEquals(host, "chat.example");
  await using people = new People(port);
  const ann = await people.guest("ann");
  const bob = await people.guest("bob");
  // The first ones may be told before Bob's address is proved, over his link.
  for (let own = 1; own <= 20 && bob.byDatagram === 0; own++) {
    ann.broadcast(own, `dinner ${own}`);
    await people.until(() => bob.told.length === own);
  }
  assert(bob.byDatagram > 0);
});

Deno.test("regserver: killed, it knows accounts, devices and what was told; a torn last line is dropped with a notice, damage elsewhere ends it, named", async () => {
  await using world = new World();
  const { people } = world;
  const first = await world.serve();
  const [ann, zoe] = ["ann", "zoe"].map((name) =>
    people.somebody(name).enters({ how: "sign-up", password: PASSWORD })
  ) as [ReturnType<People["somebody"]>, ReturnType<People["somebody"]>];
  await people.said(ann, "entered");
  await people.said(zoe, "entered");
  zoe.hangsUp();
  await first.until(is("logout", { name: "zoe" }));
  ann.broadcast(1, "dinner");
  await people.said(ann, "broadcast-taken");
  for (const text of ["one", "two", "three"]) await first.command({ command: "broadcast", text });
  await first.untilCount(is("broadcast-sent"), 3);
  const { key } = first.events.find(is("ready"))!;
  await first.kill();
  await people.until(() => ann.link === null);
  assertMatch(await world.file("broadcasts"), /\tbroadcast\t[^\t]+\tann\tdinner\t/);
  const path = `${world.data}/regserver/broadcasts`;
  for (const file of Deno.readDirSync(`${world.data}/regserver`)) {
    assertEquals(Deno.statSync(`${world.data}/regserver/${file.name}`).mode! & 0o777, 0o600);
  }
  assertEquals(Deno.statSync(`${world.data}/regserver`).mode! & 0o777, 0o700);

  const whole = await Deno.readTextFile(path);
  const lines = whole.split("\n");
  const two = lines.findIndex((line) => line.includes("\ttwo\t"));
  lines[two] = lines[two]!.replace("\ttwo\t", "\ttoo\t");
  await Deno.writeTextFile(path, lines.join("\n"));
  const damaged = await world.add(Node.start(world.words(), { data: world.data })).ended();
  assertEquals([damaged.code, damaged.last?.code], [5, "store-corrupt"]);
  assertStringIncludes(damaged.last?.text, path);
  assertMatch(damaged.last?.text, new RegExp(`line ${two + 1} `));

  await Deno.writeTextFile(path, whole.slice(0, whole.indexOf("\tthree\t")));
  const again = await world.serve();
  const ready = again.events.find(is("ready"))!;
  assertEquals([ready.key, ready.accounts], [key, 2]);
  const { text } = await again.until(is("notice"));
  assertStringIncludes(text, path);
  zoe.enters({ how: "resume" });
  await people.until(() => zoe.told.length === 3);
  const stranger = people.somebody("zoe", newSigner()).enters({ how: "resume" });
  assertEquals((await people.said(stranger, "refused")).code, "bad-credentials");
  ann.enters({ how: "resume" });
  await people.said(ann, "entered", ann.said.length);
  await again.command({ command: "broadcast", text: "four" });
  assertEquals((await again.until(is("broadcast-sent"))).reached, 2);
  assertEquals(zoe.told, ["dinner", "one", "two", "four"]);
  assertEquals(ann.told, ["one", "two", "three", "four"]);
});

Deno.test("regserver: at the end of its input it leaves properly, and with --stay it doesn't", async () => {
  await using world = new World();
  const { people } = world;
  const directory = await world.serve();
  const ann = await people.guest("ann");
  await directory.end();
  assertEquals((await people.said(ann, "dismissed")).because, "closing");
  const { code, last } = await directory.ended();
  assertEquals([code, last?.event], [0, "bye"]);

  const staying = await world.serve("--stay");
  await staying.end();
  const bob = await people.guest("bob");
  staying.signal("SIGTERM");
  assertEquals((await people.said(bob, "dismissed")).because, "closing");
  assertEquals((await staying.ended()).code, 0);
});

Deno.test("regserver: its flags say who may come in, and who may tell all", async () => {
  await using world = new World();
  const { people } = world;
  const flags = ["--accounts", "required", "--signup-limit", "1", "--broadcast", "operator"];
  const directory = await world.serve(...flags, "--max-clients", "1");
  const refusal = async (name: string, how: "guest" | "sign-up") => {
    const client = people.somebody(name).enters({ how, password: how === "guest" ? "" : PASSWORD });
    const { code } = await people.said(client, "refused");
    client.hangsUp();
    return code;
  };

  assertEquals(await refusal("bob", "guest"), "guests-refused");
  const ann = people.somebody("ann").enters({ how: "sign-up", password: PASSWORD });
  assertEquals((await people.said(ann, "entered")).mayBroadcast, false);
  assertEquals(await refusal("zoe", "sign-up"), "full");
  ann.broadcast(1, "dinner");
  assertEquals((await people.said(ann, "refused")).code, "not-allowed");
  ann.hangsUp();
  await directory.until(is("logout", { name: "ann" }));
  assertEquals(await refusal("zoe", "sign-up"), "too-fast");
});

Deno.test("regserver: --log-file says who came and what for, no password and no text", async () => {
  await using world = new World();
  const { people } = world;
  const path = `${world.data}/log`;
  const directory = await world.serve("--log-file", path, "--verbose");
  const ann = people.somebody("ann").enters({ how: "sign-up", password: PASSWORD });
  await people.said(ann, "entered");
  const wrong = people.somebody("ann").enters({ how: "log-in", password: "battery staple" });
  await people.said(wrong, "refused");
  ann.broadcast(1, "dinner at seven");
  await people.said(ann, "broadcast-taken");
  await directory.ask("broadcast", { text: "lunch at noon" });
  ann.hangsUp();
  await directory.until(is("logout"));
  await directory.type("/exit");
  await directory.ended();

  const text = await Deno.readTextFile(path);
  const lines = text.trim().split("\n").map((line) => JSON.parse(line));
  const of = (message: string) =>
    lines.filter((line) => line.message === message).map(({ properties }) => properties);
  assertEquals(of("started")[0].command, "regserver");
  assertEquals(of("signup").map(({ name }) => name), ["ann"]);
  assertEquals(of("login").map(({ name }) => name), ["ann"]);
  assertEquals(of("logout").map(({ name, reason }) => [name, reason]), [["ann", "quit"]]);
  assertEquals(of("broadcast").map(({ from }) => from), ["ann", "*directory*"]);
  assertEquals(of("link up").length, 2);
  assertEquals(of("stopped"), [{ reason: "quit" }]);
  assert(!/correct horse|battery|dinner|lunch/.test(text), "neither is in it");
});

Deno.test({
  name: "regserver: a full disk refuses sign-ups and broadcasts, and the rest goes on",
  ignore: !canMount(),
  async fn() {
    await using world = new World();
    const { people } = world;
    await Deno.mkdir(`${world.data}/regserver`);
    await mount(`${world.data}/regserver`);
    world.defer(() => unmount(`${world.data}/regserver`));
    await Deno.writeTextFile(`${world.data}/regserver/accounts.csv`, pageOfAccounts(), {
      mode: 0o600,
    });
    const directory = await world.serve();
    world.defer(() => directory.kill());
    const [ann, bob] = [await people.guest("ann"), await people.guest("bob")];
    await fill(`${world.data}/regserver`);

    const zoe = people.somebody("zoe").enters({ how: "sign-up", password: PASSWORD });
    assertEquals((await people.said(zoe, "refused")).code, "disk");
    ann.broadcast(1, "x".repeat(20_000));
    assertEquals((await people.said(ann, "refused")).code, "disk");
    await people.guest("cem");
    const { problems } = await directory.ask("status");
    assertMatch(problems.join(), /No space left on device; free some space/);
    assertEquals(bob.told, []);

    await Deno.remove(`${world.data}/regserver/filling`);
    const before = zoe.said.length;
    zoe.enters({ how: "sign-up", password: PASSWORD });
    await people.said(zoe, "entered", before);
    ann.broadcast(2, "dinner");
    await people.until(() => bob.told.length > 0);
    assertEquals(bob.told, ["dinner"]);
    await holds(
      "nothing is wrong any more",
      async () => (await directory.ask("status")).problems.length === 0,
    );
    const rows = (await world.file("accounts.csv")).slice(pageOfAccounts().length).split("\n");
    assertEquals(rows.map((row) => row.split(",")[0]), ["zoe", ""]);
  },
});

/** The largest accounts file that fits into one page of the disk: another row needs a second page. */
function pageOfAccounts(): string {
  const PAGE_BYTES = 4_096;
  const table: AccountTable = new Map();
  for (let at = 0, text = ""; text.length < PAGE_BYTES; at++) {
    const account = accountOf(`person-${at}`);
    const before = text;
    table.set(foldName(account.name), accountRow(account));
    text = [...accountLines(table)].join("");
    if (text.length > PAGE_BYTES) return before;
  }
  return [...accountLines(table)].join("");
}
