/** Word codes between real processes on loopback: rooms and groups joined by words, guesses, and what stays of them. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encode } from "uqr";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { Group, isIn, shows } from "./group_world.ts";
import { Node, type NodeOptions, Nodes, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";
import { TextProgram } from "./text_program.ts";

const LISTEN = ["--host", "127.0.0.1", "--port", "0"];
const isReady = ({ event }: ShownEvent) => event === "ready";
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const noticed = (part: string) => ({ event, text }: ShownEvent) =>
  event === "notice" && text.includes(part);

async function founded(nodes: Nodes, name: string, args: readonly string[]): Promise<Node> {
  const node = nodes.add(Node.start(["mesh", name, ...args, ...LISTEN], {}));
  await node.until(isReady);
  return node;
}

async function wordsOf(node: Node, guest = ""): Promise<string> {
  await node.type(`/invite --words ${guest}`);
  return (await node.until(({ event }) => event === "words")).words;
}

function guest(nodes: Nodes, name: string, issuer: Node, words: string, more: NodeOptions = {}) {
  const address = ["127.0.0.1", String(issuer.port)];
  return nodes.add(Node.start(["mesh", name, "--words", words, ...address, ...LISTEN], more));
}

/** How a program ends that isn't let in. */
async function refusal(node: Node) {
  const { code, last } = await node.ended();
  return { code, as: last?.code, text: String(last?.text) };
}

/** A code with the same number, and other words. */
function wrong(words: string): string {
  const [number, first] = words.split("-");
  return `${number}-${first === wordlist[0] ? wordlist[1] : wordlist[0]}-zoo`;
}

/** All files below a folder, with what is in them; a program may replace one meanwhile, by another that is renamed. */
async function* filesBelow(folder: string): AsyncGenerator<readonly [string, string]> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* filesBelow(path);
    else if (!name.endsWith(".new")) {
      yield [path, new TextDecoder().decode(await Deno.readFile(path))];
    }
  }
}

Deno.test("words lead into a private room, and both are verified by each other; in no file are words or invite", async () => {
  await using nodes = new Nodes();
  const [log, ownLog] = [1, 2].map(() => Deno.makeTempFileSync({ prefix: "p2pchat-log-" }));
  nodes.defer(() => Promise.all([log!, ownLog!].map((path) => Deno.remove(path))).then(() => {}));
  const ann = await founded(nodes, "Ann", ["--private", "--log-file", log!]);
  await ann.type("/invite --words Bob");
  const shown = await ann.until(({ event }) => event === "words");
  const { words, line, expires } = shown;
  assertMatch(words, /^\d{1,2}-[a-z]{3,8}-[a-z]{3,8}$/);
  assertEquals(line, `p2pchat mesh Bob --words ${words} 127.0.0.1 ${ann.port}`);
  assertEquals(Date.parse(expires) - Date.parse(shown.at) > 590_000, true);

  const bob = guest(nodes, "Bob", ann, words, { args: ["--log-file", ownLog!] });
  assertEquals((await bob.until(joined("Ann"))).verified, true);
  await bob.until(noticed("Ann is verified by the words; if others said them, /verify Ann no"));
  assertEquals((await ann.until(joined("Bob"))).verified, true);
  await ann.until(noticed("was used by somebody"));
  await bob.type("in by words");
  await ann.until(({ event, text }) => event === "message" && text === "in by words");
  const { peers } = await ann.ask("peers");
  assertEquals(peers.map((one: ShownEvent) => one.verified || one.name), ["Ann", true]);

  // A member that was let in by words is one like any other: it knows the invite, and comes back without.
  const { invite } = await bob.ask("invite");
  await bob.type(":q");
  await bob.ended();
  const back = nodes.add(Node.start(["mesh", "Bob", ...LISTEN], { data: bob.data }));
  assertEquals((await back.until(joined("Ann"))).verified, true);
  for (const folder of [ann.data, bob.data]) {
    for await (const [path, content] of filesBelow(folder)) {
      assert(!content.includes(words) && !content.includes(invite), `${path} has words or invite`);
    }
  }
  for (const path of [log!, ownLog!]) {
    const content = await Deno.readTextFile(path);
    assertStringIncludes(content, "started");
    const secrets = [words, invite, ...words.split("-").slice(1).map((word: string) => `-${word}`)];
    for (const part of secrets) assert(!content.includes(part), `${path} has ${part}`);
  }
});

Deno.test("who comes by words under another name is verified once the issuer says so, and not before", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann", ["--private"]);
  const isVerified = async (key: string) =>
    (await ann.ask("peers")).peers.find((one: ShownEvent) => one.key === key).verified;

  for (const [name, to, answer] of [["Bob", "Robert", "yes"], ["Eve", "", "no"]] as const) {
    guest(nodes, name, ann, await wordsOf(ann, to));
    const { verified, key } = await ann.until(joined(name));
    const asked = await ann.until(({ event }) => event === "code-used");
    assertEquals([asked.name, asked.key, asked.to], [name, key, to === "" ? undefined : to]);
    assertEquals([verified, await isVerified(key)], [false, false]);

    ann.forget();
    await ann.type(JSON.stringify({ command: "verify", name, answer }));
    if (answer === "yes") await ann.until(({ event, verified }) => event === "verify" && verified);
    else await ann.until(({ event, refused }) => event === "verify" && refused === true);
    assertEquals(await isVerified(key), answer === "yes");
  }
});

Deno.test("words prove nothing of a name that is known with another key, and that is told loudly", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann", ["--private"]);
  const bob = guest(nodes, "Bob", ann, await wordsOf(ann, "Bob"));
  assertEquals((await ann.until(joined("Bob"))).verified, true);
  const { key } = await bob.until(isReady);
  await ann.quit();
  const again = nodes.add(Node.start(["mesh", "Ann", "--new", ...LISTEN], { data: ann.data }));
  await again.until(isReady);

  const mallory = guest(nodes, "Bob", again, await wordsOf(again, "Bob"));
  const { verified, changed } = await again.until(joined("Bob"));
  assertEquals([verified, changed], [false, true]);
  const at = (part: string) => again.events.findIndex(noticed(part));
  const loud = at("BE CAREFUL: you had verified Bob's key, and this one is ANOTHER");
  assert(again.events[loud]?.text.includes(key), "with the key that was verified");
  assert(loud < again.events.findIndex(joined("Bob")), "before anything of theirs");
  await mallory.until(isReady);
  await again.until(noticed("Bob knew the words, and isn't verified"));
  assert((await again.ask("peers")).peers.every((one: ShownEvent) => !one.verified));
});

Deno.test("a wrong guess ends in bad-credentials and voids the code; a used and a void one likewise, and the issuer is told", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann", ["--private"]);
  const words = await wordsOf(ann);
  const number = words.split("-")[0];

  const mallory = await refusal(guest(nodes, "Mallory", ann, wrong(words)));
  const { endedCodes } = await ann.until(noticed(`Code ${number} is void`));
  assertEquals(endedCodes, [Number(number)]);
  const bob = await refusal(guest(nodes, "Bob", ann, words));
  const late = await ann.until(noticed(`Code ${number} is no longer valid`));
  assertEquals(late.endedCodes, undefined, "it had ended before");

  assertEquals([mallory.code, mallory.as], [4, "bad-credentials"]);
  assertEquals([bob.code, bob.as], [4, "bad-credentials"]);
  assertStringIncludes(mallory.text, ": wrong words: that code is used up");
  assertStringIncludes(bob.text, ": used, void or expired code");
  assert(!mallory.text.includes(words) && !bob.text.includes(words), "no secret in an error");
  // A script's guess is made, also with words that no code has.
  ann.forget();
  const unlisted = await refusal(
    guest(nodes, "Bob", ann, `${(await wordsOf(ann)).split("-")[0]}-qq-zz`),
  );
  assertEquals([unlisted.code, unlisted.as], [4, "bad-credentials"]);
  ann.forget();
  const good = await wordsOf(ann);
  await guest(nodes, "Bob", ann, good.toUpperCase().replaceAll("-", " ")).until(isReady);
  const carol = await refusal(guest(nodes, "Carol", ann, good));
  assertEquals([carol.code, carol.as], [4, "bad-credentials"]);
});

Deno.test("a fourth code voids the first, and no other; of an open room words give the address", async () => {
  await using nodes = new Nodes();
  const oda = await founded(nodes, "Oda", []);
  const codes: string[] = [];
  for (let count = 0; count < 4; count++) {
    oda.forget();
    codes.push(await wordsOf(oda));
  }
  await oda.until(noticed(`Code ${codes[0]!.split("-")[0]}, the oldest, is void`));

  const first = await refusal(guest(nodes, "Bob", oda, codes[0]!));
  const [bob, carol] = [guest(nodes, "Bob", oda, codes[1]!), guest(nodes, "Carol", oda, codes[3]!)];

  assertEquals([first.code, first.as], [4, "bad-credentials"]);
  assertEquals((await bob.until(joined("Oda"))).verified, true);
  assertEquals((await carol.until(joined("Oda"))).verified, true);
});

Deno.test("where no code is open, nobody is at the address, or none is given, words lead nowhere, and say so", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann", ["--private"]);
  const none = await refusal(guest(nodes, "Bob", ann, "7-cross-clock"));
  const port = String(freePort());
  const nobody = await refusal(
    nodes.add(
      Node.start(["mesh", "Bob", "--words", "7-cross-clock", "127.0.0.1", port, ...LISTEN]),
    ),
  );
  const nowhere = await refusal(nodes.add(Node.start(["mesh", "Bob", "--words", "7-cross-clock"])));
  const passive = nodes.add(Node.start(["mesh", "Pia", "--passive", "--new"]));
  await passive.until(isReady);

  assertEquals([none.code, none.as], [4, "bad-credentials"]);
  assertEquals([nobody.code, nobody.as], [3, "unreachable"]);
  assertEquals([nowhere.code, nowhere.as], [3, "unreachable"]);
  await passive.type("/invite --words");
  assertEquals((await passive.until(({ event }) => event === "error")).code, "offline");
});

Deno.test("words that are no code, or come with an invite, are refused before anything starts", async () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["--words", "7-cross"], "--words must be a number and two words"],
    [
      ["--words", "7-cross-clock", "--invite", "-"],
      "--words gets the invite, and --invite has one",
    ],
    [["--words", "7-cross-clock", "--private"], "--private creates a room, and --words joins one"],
    [["--words", "7-cross-clock", "--room", "x"], "--room"],
  ];
  for (const [args, fault] of cases) {
    await using program = TextProgram.start(["mesh", "Bob", ...args]);
    assertEquals(await program.ended(), 2, args.join(" "));
    assertStringIncludes(program.stderr, fault);
  }
});

Deno.test("words lead into a private group, and member and coordinator are verified by each other", async () => {
  await using group = new Group();
  const server = await group.serve("--private");
  await server.type("/invite --words");
  const { words, line } = await server.until(({ event }) => event === "words");
  assertEquals(line, `p2pchat peer NAME --server ${group.server} --words ${words}`);

  const mallory = await refusal(group.launch("Mallory", { args: ["--words", wrong(words)] }));
  await server.until(noticed("guessed wrong"));
  assertEquals([mallory.code, mallory.as], [4, "bad-credentials"]);
  server.forget();
  const good = await wordsOf(server, "bob");
  const bob = group.launch("Bob", { args: ["--words", good] });
  await bob.until(isIn("Bob"));

  assertEquals((await server.until(joined("Bob"))).verified, true);
  assertEquals((await bob.ask("status")).serverVerified, true);
  const { verified } = await server.ask("list");
  assertEquals(verified, ["Bob"]);
  await bob.type("in by words");
  await bob.until(shows("in by words"));
  // It comes back without: its key is known.
  await bob.type("/exit");
  await bob.ended();
  const back = await group.start("Bob");
  assertEquals((await back.ask("status")).serverVerified, true);

  server.forget();
  const third = await wordsOf(server);
  const taken = await refusal(group.launch("BOB", { args: ["--words", third] }));
  assertEquals([taken.code, taken.as], [4, "name-taken"]);
  assertStringIncludes(taken.text, "The code is used up: ask for another one");
});

Deno.test("an invite as a QR code is that of uqr for its capitals, in 80 columns at most", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann", ["--private"]);
  await ann.type("/invite --qr");
  const { invite, qr, line } = await ann.until(({ event }) => event === "invite");

  assertEquals(line, "p2pchat mesh NAME --invite");
  const rows = qr as readonly string[];
  assert(rows.every((row) => Array.from(row).length <= 80), `${rows[0]!.length} columns`);
  const light = rows.flatMap((row) => {
    const halves = Array.from(row).map((half) => " \u2584\u2580\u2588".indexOf(half));
    return [halves.map((half) => half >= 2), halves.map((half) => half % 2 === 1)];
  });
  const { data } = encode(invite.toUpperCase(), { ecc: "L", boostEcc: true, border: 2 });
  assertEquals(light.slice(0, data.length), data.map((row) => row.map((dark) => !dark)));
  // In a pipe the same, with what else is shown of the invite.
  const { invite: same } = await ann.ask("invite");
  assertEquals(same, invite);
});

Deno.test("a script that comes by words under a name that is taken is told that the code is used up", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann", ["--private"]);
  const refused = await refusal(guest(nodes, "ANN", ann, await wordsOf(ann)));

  assertEquals([refused.code, refused.as], [4, "name-taken"]);
  assertStringIncludes(refused.text, "The code is used up: ask for another one");
});

Deno.test("/invite says which codes are open, and --void ends them", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann", []);
  await ann.type("/invite --void");
  await ann.until(noticed("No word code is open"));
  const words = await wordsOf(ann);
  const [number] = words.split("-");
  await ann.type("/invite");
  await ann.until(noticed(`Open word codes: ${number} until `));
  await ann.until(({ event }) => event === "invite");
  await ann.type("/invite --qr --void");
  await ann.until(({ event, text }) => event === "error" && /give one/.test(text));
  await ann.type("/invite --void");
  await ann.until(noticed(`Void from now on: code ${number}`));

  const bob = await refusal(guest(nodes, "Bob", ann, words));
  assertEquals([bob.code, bob.as], [4, "bad-credentials"]);
  ann.forget();
  await ann.type("/invite");
  await ann.until(({ event }) => event === "invite");
  assertEquals(ann.events.filter(noticed("Open word codes")), []);
});

Deno.test("codes that another invite ends are told void at once, in one notice: in a room by a removal, in a group by --rotate", async () => {
  await using nodes = new Nodes();
  await using group = new Group();
  const ann = await founded(nodes, "Ann", ["--private"]);
  await guest(nodes, "Bob", ann, await wordsOf(ann)).until(isReady);
  await ann.until(joined("Bob"));
  const server = await group.serve("--private");
  for (const [issuer, another] of [[ann, "/remove Bob"], [server, "/invite --rotate"]] as const) {
    const numbers: number[] = [];
    for (let count = 0; count < 2; count++) {
      issuer.forget();
      numbers.push(Number.parseInt(await wordsOf(issuer)));
    }

    await issuer.type(another);
    const { text, endedCodes } = await issuer.until(noticed("Void from now on"));

    assertEquals(endedCodes, numbers);
    const codes = numbers.map((number) => `code ${number}`).join(" and ");
    assertEquals(
      text,
      `Void from now on: ${codes}, as the invite has changed; /invite --words makes another`,
    );
    // A code of the invite that there is now stays.
    issuer.forget();
    await wordsOf(issuer);
    await issuer.ask("invite");
    assertEquals(issuer.events.filter(noticed("Void from now on")), []);
  }
});
