/** Word codes under attack: guesses in a loop, links that say nothing, and somebody who keeps all that passes. */

import { assert, assertEquals } from "@std/assert";
import { ristretto255 } from "@noble/curves/ed25519.js";
import { WORDS_MESSAGES } from "../../lib/protocols/words/messages.ts";
import { createCodec } from "../../lib/wire/codec.ts";
import { Stranger } from "./hostile_peer.ts";
import { holds, Node, Nodes, type ShownEvent } from "./node.ts";
import { Outsider } from "./outsider.ts";
import { residentBytes } from "./proc.ts";
import { RecordingWire } from "./recording_wire.ts";

const LISTEN = ["--host", "127.0.0.1", "--port", "0"];
const MEMORY_GROWTH_MAX = 96 * 1_024 * 1_024;
/** Not of the code's number, nor of anything: a share like any other. */
const SHARE = new Uint8Array(ristretto255.Point.BASE.toBytes());

const isReady = ({ event }: ShownEvent) => event === "ready";
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const said = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;
const noticed = (part: string) => ({ event, text }: ShownEvent) =>
  event === "notice" && text.includes(part);

async function founded(nodes: Nodes, name: string): Promise<Node> {
  const node = nodes.add(Node.start(["mesh", name, "--private", ...LISTEN]));
  await node.until(isReady);
  return node;
}

async function wordsOf(node: Node): Promise<string> {
  const from = node.events.length;
  await node.type("/invite --words");
  return (await node.until(({ event }) => event === "words", undefined, from)).words;
}

function guest(nodes: Nodes, name: string, port: number, words: string): Node {
  const at = ["127.0.0.1", String(port)];
  return nodes.add(Node.start(["mesh", name, "--words", words, ...at, ...LISTEN]));
}

const codec = createCodec(WORDS_MESSAGES);

function outsiderAt(port: number) {
  return Outsider.dial({ port, mode: "words", codec });
}

/** A wrong guess: whether it was answered, as the one that a code has. */
async function isAnswered(port: number, number: number): Promise<boolean> {
  await using outsider = await outsiderAt(port);
  outsider.say({ type: "guess", number, share: SHARE }, "control");
  const first = await outsider.hears();
  if (first.type === "ended") return false;
  assertEquals(first.type, "answer");
  outsider.say({ type: "confirm", confirmation: new Uint8Array(64) }, "control");
  const then = await outsider.hears();
  assertEquals(then.type, "ended", "a wrong confirmation is answered by nothing");
  return true;
}

Deno.test("of a hundred guesses at a code one counts, its issuer is told, and its room notices nothing", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann");
  const { invite } = await ann.ask("invite");
  const bob = nodes.add(Node.start(["mesh", "Bob", "--invite", invite, ...LISTEN]));
  await Promise.all([bob.until(joined("Ann")), ann.until(joined("Bob"))]);
  const memory = await residentBytes(ann.pid);
  const words = await wordsOf(ann);
  const number = Number(words.split("-")[0]);
  const [ofAnn, ofBob] = [ann.events.length, bob.events.length];

  let answered = 0;
  for (let wave = 0; wave < 10; wave++) {
    const guesses = Array.from({ length: 10 }, () => isAnswered(ann.port, number));
    for (const each of await Promise.all(guesses)) if (each) answered++;
  }

  assertEquals(answered, 1);
  await ann.until(noticed(`Code ${number} is void`), undefined, ofAnn);
  await ann.say("still here");
  await Promise.all([ann, bob].map((node) => node.until(said("still here"))));
  // That others came later is told once, and nothing else.
  const told = ann.events.slice(ofAnn).filter(({ event }) => event === "notice");
  assertEquals(told.length, 2);
  const seen = bob.events.slice(ofBob).filter(({ event }) => event !== "message");
  assertEquals(seen, []);
  const refused = await guest(nodes, "Late", ann.port, words).ended();
  assertEquals([refused.code, refused.last?.code], [4, "bad-credentials"]);
  await holds(
    "memory is as before",
    async () => await residentBytes(ann.pid) - memory < MEMORY_GROWTH_MAX,
  );
});

Deno.test("links that say nothing keep nobody out who knows the words", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "Ann");
  const words = await wordsOf(ann);
  await using silent = new AsyncDisposableStack();
  for (let count = 0; count < 12; count++) {
    assert(silent.use(await outsiderAt(ann.port)).isUp);
  }

  await guest(nodes, "Bob", ann.port, words).until(joined("Ann"));
});

Deno.test("who keeps all that passes of joins and guesses has neither words nor invite, and can't use it again", async () => {
  await using nodes = new Nodes();
  const ann = await founded(nodes, "AnnOfTheHill");
  await using wire = new RecordingWire(ann.port);
  const first = await wordsOf(ann);
  const bob = guest(nodes, "BobOfTheVale", wire.port, first);
  await Promise.all([bob.until(joined("AnnOfTheHill")), ann.until(joined("BobOfTheVale"))]);
  await bob.say("said in the room");
  await ann.until(said("said in the room"));
  const second = await wordsOf(ann);
  const wrong = `${second.split("-")[0]}-zebra-zebra`;
  assertEquals((await guest(nodes, "Mallory", wire.port, wrong).ended()).code, 4);

  const { invite } = await ann.ask("invite");
  const { text } = wire;
  assert(wire.sentThere.length >= 3 && text.length > 2_000, "all went this way");
  const codes = [first, second, wrong];
  const words = codes.flatMap((code) => [code, code.slice(code.indexOf("-"))]);
  for (
    const part of [...words, invite, "AnnOfTheHill", "BobOfTheVale", "Mallory", "said in the room"]
  ) assert(!text.includes(part), `${part} can be read`);

  // All of it again, while a code is open: it is nobody's guess, and nobody comes in.
  const third = await wordsOf(ann);
  const from = ann.events.length;
  for (const pieces of wire.sentThere) {
    using stranger = await Stranger.connect(ann.port);
    for (const piece of pieces) await stranger.send(piece);
    await stranger.dropped;
  }
  assertEquals(ann.events.slice(from), []);
  await guest(nodes, "Carol", ann.port, third).until(joined("AnnOfTheHill"));
});
