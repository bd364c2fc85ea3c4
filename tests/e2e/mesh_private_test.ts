/** Private rooms of real processes on loopback; invites, also to open rooms. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  encodeInvite,
  type Invite,
  parseInvite,
} from "../../lib/protocols/mesh/schema/rotations.ts";
import { holds, Node, type NodeOptions, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";
import { hasScript, openTerminal } from "./pty.ts";
import { TextProgram } from "./text_program.ts";

const LISTEN = ["--host", "127.0.0.1", "--port", "0"];
const isReady = ({ event }: ShownEvent) => event === "ready";
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const text = (wanted: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === wanted;

class PrivateNodes extends Nodes {
  /** All programs that were started, in that order. */
  readonly started: Node[] = [];

  /** Starts `p2pchat mesh NAME ARGS` on a free port of loopback. */
  mesh(name: string, args: readonly string[], options: NodeOptions = {}): Node {
    const node = this.add(Node.start(["mesh", name, ...args, ...LISTEN], options));
    this.started.push(node);
    return node;
  }

  async founded(name: string, options: NodeOptions = {}): Promise<Node> {
    const node = this.mesh(name, ["--private"], options);
    await node.until(isReady);
    return node;
  }

  async invited(name: string, invite: string, options: NodeOptions = {}): Promise<Node> {
    const node = this.mesh(name, ["--invite", invite], options);
    await node.until(isReady);
    return node;
  }

  folder(): string {
    const folder = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
    this.defer(() => Deno.remove(folder, { recursive: true }));
    return folder;
  }
}

let opened: Promise<readonly [PrivateNodes, Node, Node, Node]> | undefined;
// Its programs outlive each test.
Deno.test.sanitizer({ ops: false, resources: false });
Deno.test.afterAll(async () => await (await opened)?.[0].disposeAsync());

/**
 * The founders of three rooms that tests share: Ann and Olga in private ones, Oda in an open one. Each is alone in hers;
 * who was there is remembered, so each visitor has a name of its own.
 */
async function shared(): Promise<readonly [PrivateNodes, Node, Node, Node]> {
  opened ??= (async () => {
    const nodes = new PrivateNodes();
    const [ann, olga] = [await nodes.founded("Ann"), await nodes.founded("Olga")];
    const oda = nodes.mesh("Oda", []);
    await oda.until(isReady);
    return [nodes, ann, olga, oda] as const;
  })();
  const [nodes, ...founders] = await opened;
  for (const visitor of nodes.started.filter((node) => !founders.includes(node))) {
    if (visitor.hasEnded) continue;
    await leaves(visitor);
  }
  for (const node of founders) {
    await holds("a founder is alone", async () => (await node.ask("peers")).peers.length === 1);
    node.forget();
  }
  return opened;
}

async function leaves(node: Node): Promise<void> {
  await node.type(":q");
  await node.ended();
}

const inviteOf = async (node: Node, rotate = false): Promise<string> =>
  (await node.ask("invite", { rotate })).invite;

const secretOf = async (node: Node) => parseInvite(await inviteOf(node)).secret;

/** What `/invite` prints in a private room. */
const INVITE_SHOWN = /^Others join with: p2pchat mesh NAME --invite\n.* invite:\n([a-z2-7]+)\n/m;
const linesOf = (invite: string) => [
  "Others join with: p2pchat mesh NAME --invite",
  "and paste this when they are asked for the invite:",
  invite,
];

/** How a program ends that isn't admitted. */
async function refusal(node: Node) {
  const { code, last } = await node.ended();
  return { code, event: last?.event, as: last?.code, text: String(last?.text) };
}

/** The invite with some fields changed. */
function changed(invite: string, change: (invite: Invite) => Partial<Invite>): string {
  const parsed = parseInvite(invite);
  return encodeInvite({ ...parsed, ...change(parsed) });
}

Deno.test("mesh: an invite opens a private room, through the first of its addresses that answers", async () => {
  const [nodes, ann] = await shared();
  assertEquals(ann.events.find(isReady)?.private, true);
  const shown = await ann.ask("invite");
  assertEquals(shown.line, "p2pchat mesh NAME --invite");

  const bob = await nodes.invited("Bob", shown.invite);
  await ann.until(joined("Bob"));
  const invite = changed(await inviteOf(bob), ({ endpoints }) => ({
    endpoints: [{ host: "127.0.0.1", port: freePort() }, ...endpoints],
  }));
  assertEquals(parseInvite(invite).endpoints.map(({ port }) => port).slice(1), [
    bob.port,
    ann.port,
  ]);
  const cem = await nodes.invited("Cem", invite.toUpperCase());
  await cem.say("hello");
  await ann.until(text("hello"));
  await bob.until(text("hello"));
  const dan = nodes.mesh("Dan", ["127.0.0.1", String(ann.port), "--invite", invite]);
  await dan.until(isReady);
});

Deno.test("mesh: without the invite, or with a wrong one, nobody comes into a private room", async () => {
  const [nodes, ann] = await shared();
  const invite = await inviteOf(ann);
  const before = ann.events.length;
  const wrong = changed(invite, ({ secret }) => ({
    secret: { epoch: secret!.epoch, secret: new Uint8Array(16) },
  }));
  const open = changed(invite, () => ({ secret: null }));
  const address = ["127.0.0.1", String(ann.port)];
  const cases = [
    [address, "the room there is private; ask a member for its invite"],
    [["--invite", open], "the room there is private; ask a member for its invite"],
    [
      ["--invite", wrong],
      "this invite has been revoked; ask a member for another",
    ],
  ] as const;
  for (const [args, sentence] of cases) {
    const { code, event, as, text } = await refusal(nodes.mesh("Eve", args));
    assertEquals([code, event, as], [4, "fatal", "bad-credentials"], text);
    assert(text.includes(sentence), text);
    assert(!text.includes(invite) && !text.includes(wrong), text);
  }
  await ann.say("still here");
  await ann.until(text("still here"));
  assertEquals(ann.events.slice(before).map(({ event }) => event), ["message"]);
});

Deno.test("mesh: an address and the invite of another room are refused, and neither room is entered", async () => {
  const [nodes, priv, other, open] = await shared();
  const shown = await inviteOf(other);
  const refused = async (contact: Node, invite: string) => {
    const args = ["127.0.0.1", String(contact.port), "--invite", invite];
    const { code, as, text } = await refusal(nodes.mesh("Eve", args));
    assertEquals([code, as], [4, "bad-credentials"], text);
    assertStringIncludes(
      text,
      `${contact.port}: the invite is for another room than the one there`,
    );
    assert(!text.includes(invite), text);
  };
  for (const contact of [priv, open]) await refused(contact, shown);
  assertEquals(other.events.filter(joined("Eve")), []);

  // Nor where nobody answers at the invite's own addresses.
  const endpoints = [{ host: "127.0.0.1", port: freePort() }];
  for (const contact of [priv, open]) await refused(contact, changed(shown, () => ({ endpoints })));
});

Deno.test("mesh: an invite comes from a file, or from a variable that nothing else inherits", async () => {
  const [nodes, ann] = await shared();
  const invite = await inviteOf(ann);
  const file = `${nodes.folder()}/invite`;
  Deno.writeTextFileSync(file, `<${invite.slice(0, 50)}\n${invite.slice(50)}>.\n`, { mode: 0o600 });
  const fay = nodes.mesh("Fay", ["--invite-file", file]);
  await fay.until(isReady);
  const gil = nodes.mesh("Gil", [], { env: { P2PCHAT_INVITE: invite } });
  await gil.until(isReady);
  await ann.until(joined("Gil"));
  const late = nodes.mesh("Eve", ["--private"], { env: { P2PCHAT_INVITE: invite } });
  const { as, text } = await refusal(late);
  assertEquals([as, text], [
    "usage",
    "--private creates a room, and the invite in P2PCHAT_INVITE joins one: start one, or join one",
  ]);
  const lost = await refusal(nodes.mesh("Eve", ["--invite-file", `${file}.not`]));
  assertEquals(lost.as, "bad-file");
  assertStringIncludes(lost.text, "Cannot take the invite from");
});

Deno.test("mesh: a mistyped invite is told from a wrong one, and nothing is touched", async () => {
  const [nodes, ann] = await shared();
  const invite = await inviteOf(ann);
  const data = nodes.folder();
  const middle = invite.length >> 1;
  const swapped = invite[middle] === "a" ? "b" : "a";
  const mistyped = invite.slice(0, middle) + swapped + invite.slice(middle + 1);
  const { code, as, text } = await refusal(nodes.mesh("Eve", ["--invite", mistyped], { data }));
  assertEquals([code, as], [4, "bad-credentials"]);
  assert(text.startsWith("Cannot read the invite: a character of it is wrong"), text);
  const misplaced = await refusal(nodes.mesh("Eve", [invite], { data }));
  assertEquals([misplaced.code, misplaced.as, misplaced.text], [
    2,
    "usage",
    "That is an invite: put --invite in its place, and paste it when you are asked for it",
  ]);
  assertEquals([...Deno.readDirSync(data)], []);
});

Deno.test("mesh: addresses of an invite at which nothing is ever said cost 2 s, and the others see nobody", async () => {
  const [nodes, ann] = await shared();
  const invite = await inviteOf(ann);
  const hal = await nodes.invited("Hal", invite);
  await ann.until(joined("Hal"));
  // What was there before him is shown by then.
  await hal.until(({ event }) => event === "notice");
  await ann.say("you two");
  await Promise.all([ann, hal].map((node) => node.until(text("you two"))));
  // The system takes a connection there, and nobody ever reads.
  using silence = new DisposableStack();
  const silent = [1, 2].map(() => {
    const { addr } = silence.use(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    return { host: "127.0.0.1", port: addr.port };
  });
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const endpoints = [...silent, at(ann.port), at(hal.port)];
  const before = [ann, hal].map(({ events }) => events.length);

  const beganMs = performance.now();
  const ida = await nodes.invited("Ida", changed(invite, () => ({ endpoints })));
  const tookMs = performance.now() - beganMs;

  assert(tookMs > 2_000 && tookMs < 20_000, `it took ${tookMs} ms`);
  await ida.say("all of you");
  for (const [index, node] of [ann, hal].entries()) {
    await node.until(text("all of you"));
    const { problems } = await node.ask("status");
    assertEquals(problems, []);
    const seen = node.events.slice(before[index]).map(({ event }) => event);
    assertEquals(seen, ["joined", "message", "status"]);
  }
});

Deno.test("mesh: where nobody answers at an invite's addresses, the error names them all", async () => {
  const [nodes, ann] = await shared();
  const ports = [freePort(), freePort()];
  const endpoints = ports.map((port) => ({ host: "127.0.0.1", port }));
  const invite = changed(await inviteOf(ann), () => ({ endpoints }));

  const { code, as, text } = await refusal(nodes.mesh("Eve", ["--invite", invite]));

  assertEquals([code, as], [3, "unreachable"]);
  for (const port of ports) assert(text.includes(`127.0.0.1:${port} (`), text);

  const one = changed(invite, () => ({ endpoints: endpoints.slice(1) }));
  const alone = await refusal(nodes.mesh("Eve", ["--invite", one]));
  assertEquals([alone.code, alone.as], [3, "unreachable"]);
  for (const said of [text, alone.text]) {
    assertStringIncludes(said, "ask a member for a fresh invite");
  }
});

Deno.test("mesh: after a rotation the invite before is void, and a member that was away comes back", async () => {
  const [nodes, ann] = await shared();
  const data = nodes.folder();
  const first = await inviteOf(ann);
  const jon = await nodes.invited("Jon", first, { data });
  const kim = await nodes.invited("Kim", first);
  await ann.untilCount(({ event }) => event === "joined", 2);
  await jon.kill();

  let latest = first;
  for (const [node, other] of [[ann, kim], [kim, ann], [ann, kim]] as const) {
    const from = other.events.length;
    latest = await inviteOf(node, true);
    const told = ({ event, text }: ShownEvent) =>
      event === "notice" && text.includes("has made a new invite, which /invite shows");
    await other.until(told, undefined, from);
  }
  const late = await refusal(nodes.mesh("Eve", ["--invite", first]));
  assertEquals([late.code, late.as], [4, "bad-credentials"]);

  const back = nodes.mesh("Jon", [], { data });
  await back.until(isReady);
  await back.say("back");
  await ann.until(text("back"));
  await back.until(({ event, text }) => event === "notice" && text.includes("new invite"));
  const secrets = await Promise.all([ann, back, kim].map(secretOf));
  assertEquals(secrets, Array(3).fill(parseInvite(latest).secret));
  const lea = await nodes.invited("Lea", latest);
  await lea.until(text("back"));
});

Deno.test("mesh: who comes back with an address, or an outdated invite, is no stranger; elsewhere an invite is needed", async () => {
  const [nodes, ann, other] = await shared();
  const data = nodes.folder();
  const invite = await inviteOf(ann);
  const mia = await nodes.invited("Mia", invite, { data });
  await leaves(mia);
  await ann.ask("invite", { rotate: true });

  const address = (node: Node) => ["127.0.0.1", String(node.port)];
  const elsewhere = await refusal(nodes.mesh("Mia", address(other), { data }));
  assertEquals([elsewhere.code, elsewhere.as], [4, "bad-credentials"]);
  assertStringIncludes(elsewhere.text, "the room there is private; ask a member for its invite");

  const back = nodes.mesh("Mia", address(ann), { data });
  await back.until(isReady);
  await ann.untilCount(joined("Mia"), 2);
  await back.say("back");
  await ann.until(text("back"));
  await leaves(back);

  const outdated = changed(invite, ({ secret }) => ({
    secret: { epoch: secret!.epoch, secret: new Uint8Array(16) },
  }));
  await nodes.invited("Mia", outdated, { data });
  await ann.untilCount(joined("Mia"), 3);
});

Deno.test("mesh: an invite that was shown counts after its maker was killed in that moment", async () => {
  await using nodes = new PrivateNodes();
  const data = nodes.folder();
  const ann = await nodes.founded("Ann", { data });
  const first = await inviteOf(ann);
  const second = await inviteOf(ann, true);
  await ann.kill();

  const again = nodes.mesh("Ann", [], { data });
  await again.until(isReady);
  assertEquals(await secretOf(again), parseInvite(second).secret);
  const { port } = again;
  const here = () => ({ endpoints: [{ host: "127.0.0.1", port }] });
  const late = await refusal(nodes.mesh("Dan", ["--invite", changed(first, here)]));
  assertEquals([late.code, late.as], [4, "bad-credentials"]);
  await nodes.invited("Bob", changed(second, here));
});

Deno.test("mesh: an open room has invites, too: several addresses, and no other room", async () => {
  const [nodes, , , oda] = await shared();
  const other = nodes.mesh("Ned", []);
  await other.until(isReady);
  const shown = await oda.ask("invite");
  assertEquals(shown.line, `p2pchat mesh NAME 127.0.0.1 ${oda.port}`);
  const rotated = await oda.ask("invite", { rotate: true });
  assertEquals([rotated.event, rotated.code], ["error", "not-allowed"]);

  const invite = changed(shown.invite, ({ endpoints }) => ({
    endpoints: [{ host: "127.0.0.1", port: other.port }, ...endpoints],
  }));
  await nodes.invited("Pia", invite);
  await oda.until(joined("Pia"));
  assertEquals(other.events.filter(({ event }) => event === "joined"), []);
});

Deno.test("mesh: a private room is gone back to, and neither log nor known_peers has the invite", async () => {
  await using nodes = new PrivateNodes();
  const [data, logs] = [nodes.folder(), nodes.folder()];
  const args = (name: string) => ["--verbose", "--log-file", `${logs}/${name}`];
  const ann = await nodes.founded("Ann", { args: args("ann") });
  const invite = await inviteOf(ann);
  const bob = await nodes.invited("Bob", invite, { data, args: args("bob") });
  const rotated = await inviteOf(bob, true);
  await ann.until(({ event, text }) => event === "notice" && text.includes("new invite"));
  await bob.type(":q");
  await bob.ended();
  const back = nodes.mesh("Bob", [], { data, args: args("again") });
  await back.until(isReady);
  assertEquals(back.events.find(isReady)?.private, true);
  await refusal(nodes.mesh("Cem", ["--invite", invite], { args: args("cem") }));
  await back.type(":q");
  await back.ended();

  const files = ["ann", "bob", "again", "cem"].map((name) => `${logs}/${name}`);
  for (const file of [...files, `${data}/users/Bob/known_peers`]) {
    const content = Deno.readTextFileSync(file).toLowerCase();
    for (const secret of [invite, rotated]) {
      const { secret: bytes } = parseInvite(secret).secret!;
      const numbers = [...bytes].join();
      const listed = [...bytes].map((byte, index) => `"${index}":${byte}`).join();
      const base64 = bytes.toBase64().toLowerCase();
      for (const form of [secret, bytes.toHex(), base64, numbers, listed]) {
        assert(!content.replaceAll(" ", "").includes(form), `${file} has ${form}`);
      }
    }
  }
  const shown = [...ann.events, ...back.events].filter(({ event }) => event !== "invite");
  assert(!JSON.stringify(shown).includes(invite));
});

Deno.test("mesh: in pipes, an invite is one line, and what is refused another on the error channel", async () => {
  await using ann = TextProgram.mesh("Ann", null, ["--private"]);
  const port = await ann.port();
  await ann.type("/invite");
  const [, first] = await ann.until(INVITE_SHOWN);
  await using bob = TextProgram.mesh("Bob", null, ["--invite"]);
  await bob.type(first!, "from the same pipe");
  await bob.until(/Ann is here/);
  await ann.until(/<Bob> from the same pipe/);
  await ann.type("/invite --rotate", "/invite now");
  await ann.until(/error: \/invite --words now makes a code for now/, "stderr");
  await bob.until(/Ann has made a new invite/);
  await ann.until(/This is the room's invite from now on: .*\n/);
  await using cem = TextProgram.mesh("Cem", null, ["--invite", "-"]);
  await cem.type(first!);
  assertEquals(await cem.ended(), 4);

  const [, second] = ann.stdout.match(/Others join[^]*Others join with.*\n.*\n([a-z2-7]+)\n/) ?? [];
  const rest = "older invites no longer admit newcomers; members can still come back";
  assertEquals(ann.lines, [
    `>INFO: Ann at address 127.0.0.1 is listening at ${port}.`,
    "Private: others join with the invite that /invite shows, or a code of /invite --words.",
    ...linesOf(first!),
    "* Bob joined (127.0.0.1)",
    "<Bob> from the same pipe",
    ...linesOf(second!),
    `* This is the room's invite from now on: ${rest}`,
  ]);
  assertEquals(bob.lines.at(-1), `* Ann has made a new invite, which /invite shows: ${rest}`);
  assert(cem.stderr.startsWith("error: Cannot join through 127.0.0.1:"), cem.stderr);
  assert(!cem.stderr.includes(first!), cem.stderr);
});

Deno.test({
  name: "mesh: at a terminal, an invite can be copied as it stands there, and is typed unseen",
  ignore: !hasScript(),
  async fn() {
    const folder = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
    await using terminal = await openTerminal({
      command: [PROGRAM, "mesh", "Ann", "--private", ...LISTEN, "--data", folder],
      columns: 80,
    });
    await terminal.untilCursorLine("Ann> |");
    await terminal.press("/inv\t\r");
    // The terminal wraps the line by itself: to it, and to who copies it, it is one word.
    const shown = /they are asked for the invite:\r+\n([a-z2-7]+)\r+\n/;
    await terminal.until("the invite", () => shown.test(terminal.raw));
    const invite = shown.exec(terminal.raw)![1]!;
    assertEquals(parseInvite(invite).endpoints.length, 1);
    assertStringIncludes(terminal.screen.text, "/help lists the commands, :q leaves.");

    await using other = await openTerminal({
      command: [PROGRAM, "mesh", "Bob", "--invite", ...LISTEN, "--data", folder],
      columns: 80,
    });
    await other.untilCursorLine("Invite (not shown): |");
    await other.press("oops\r");
    await other.until("what is wrong", () => /Cannot read the invite/.test(other.raw));
    await other.press(`\x1b[200~${invite.slice(0, 60)}\n${invite.slice(60)}\x1b[201~\r`);
    await other.untilCursorLine("Bob> |");
    assert(!other.raw.includes(invite.slice(0, 20)), other.raw);
    await other.press(":q\r");
    assertEquals(await other.ended(), 0);
    await terminal.press(":q\r");
    assertEquals(await terminal.ended(), 0);
    Deno.removeSync(folder, { recursive: true });
  },
});
