import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  STRANGERS_MANY,
  STRANGERS_MAX,
  TALK_BYTES_MAX,
  TALK_MESSAGES_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { Strangers, Talkers } from "../../../../lib/protocols/mesh/room/talkers.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { MadeUpStream } from "../../../sim/mesh/adversary.ts";
import { EvenWorld } from "../../../sim/mesh/even_world.ts";
import { madeUpClaim } from "../../../sim/mesh/made_up.ts";
import { messageBytes } from "../../../sim/mesh/message_bytes.ts";
import { randomEnvironment } from "../overlay_network.ts";
import { SLOW } from "../../../given.ts";

const [ann, mal] = ["a", "b"].map((digit) => digit.repeat(64) as PeerKey) as [PeerKey, PeerKey];

Deno.test("Talkers.said() tells once a minute who says too much, and of nobody else", () => {
  const talkers = new Talkers(() => true);
  const said = (author: PeerKey, messages: number, nowMs: number) =>
    talkers.said({ author, from: ann, messages, bytes: messages * 100 }, nowMs);

  const first = [said(mal, TALK_MESSAGES_MAX, 0), said(mal, 1, 1), said(mal, 1, 2)];
  const other = said(ann, 1, 3);
  const slow = [said(ann, TALK_MESSAGES_MAX - 1, 60_000), said(ann, 2, 61_000)];
  const again = [said(mal, TALK_MESSAGES_MAX, 60_000), said(mal, 1, 60_001)];

  assertEquals([first, other, slow], [[false, true, false], false, [false, false]]);
  assertEquals(again, [false, true]);
});

Deno.test("Talkers.loud() names them until their minute is over", () => {
  const talkers = new Talkers(() => true);
  talkers.said({ author: ann, from: null, messages: TALK_MESSAGES_MAX, bytes: 0 }, 0);
  talkers.said({ author: mal, from: null, messages: TALK_MESSAGES_MAX + 1, bytes: 0 }, 0);

  assertEquals([talkers.loud(59_999), talkers.loud(60_000)], [[mal], []]);
});

Deno.test("Talkers.said() counts bytes too", () => {
  const heard = { author: mal, from: null, messages: 1, bytes: TALK_BYTES_MAX + 1 };
  assertEquals(new Talkers(() => true).said(heard, 0), true);
});

Deno.test("Strangers.told() counts many who speak and aren't here, by who brought most, for a minute", () => {
  const here = new Set<PeerKey>([ann]);
  const strangers = new Strangers((author) => here.has(author));
  const authors = Array.from({ length: STRANGERS_MANY }, (_, at) => fakeSigner(`${at}`).key);
  for (const [at, author] of authors.entries()) strangers.said(author, at < 5 ? ann : mal, 1_000);
  strangers.said(ann, mal, 1_000);
  strangers.said(authors[0]!, mal, 1_000);

  const told = { authors: STRANGERS_MANY, by: mal, theirs: STRANGERS_MANY - 5 };
  assertEquals([strangers.told(60_999), strangers.told(61_000)], [told, null]);
  here.add(authors[0]!);
  assertEquals(strangers.told(2_000), null);
});

Deno.test("Strangers.told() counts so many at most", () => {
  const strangers = new Strangers(() => false);
  for (let at = 0; at < STRANGERS_MAX + 9; at++) strangers.said(fakeSigner(`${at}`).key, mal, 0);
  assertEquals(strangers.told(0)?.authors, STRANGERS_MAX);
});

Deno.test("Mesh tells in the status by way of whom a crowd of made-up authors speaks", () => {
  let problems: readonly string[] = [];
  const world = new EvenWorld(2, [{
    name: "status",
    shown(_, event) {
      if (event.event === "status") problems = event.problems;
    },
  }]);
  const [founder, liar] = world.addAll("Ann", "Mal");
  world.gather([founder, liar], 3_000);

  const [link] = liar.process!.links.values();
  for (let at = 0; at < STRANGERS_MANY; at++) {
    const signer = fakeSigner(`nobody ${at}`);
    const claim = madeUpClaim(liar.room!, signer, signer, `made${at}`, founder.wallMs());
    const stream = new MadeUpStream(signer, liar.room!, 1, claim, randomEnvironment(() => 0));
    const message = stream.next(1, { time: founder.wallMs() });
    link!.send(message, "data", messageBytes(message));
  }
  world.pass(1_000);
  founder.process!.command({ command: "status" });
  world.pass(1_000);

  assertEquals(problems, [
    `${STRANGERS_MANY} authors who aren't in the room speak, made up perhaps: the words of ` +
    `${STRANGERS_MANY} come by way of Mal, who may only pass them on`,
  ]);
});

Deno.test(
  "Mesh tells the others, once and in the status, who sends very many messages",
  SLOW,
  () => {
    const notices: string[] = [];
    let problems: readonly string[] = [];
    const world = new EvenWorld(2, [{
      name: "notices",
      shown({ member }, event) {
        if (event.event === "status") problems = event.problems;
        if (event.event === "notice") {
          notices.push(`${member.name}: ${event.text.split(/[:;]/)[0]}`);
        }
      },
    }]);
    const [founder, talker] = world.addAll("Ann", "Mal");
    world.start(founder, { kind: "found" });
    world.time.runUntil(2_000);
    world.join(talker, founder);
    world.time.runUntil(5_000);
    notices.length = 0;

    for (let said = 0; said < TALK_MESSAGES_MAX + 300; said++) {
      world.say(talker.process!, "", null);
      if (said % 100 === 0) world.pass(50);
    }
    world.pass(5_000);

    const problemsNow = () => {
      founder.process!.command({ command: "status" });
      world.pass(1_000);
      return problems.map((text) => text.split(/[:;]/)[0]);
    };

    assertEquals(notices, ["Ann: Mal sends very many messages"]);
    assertEquals(problemsNow(), ["Mal sends very many messages"]);
    talker.process!.command({ command: "quit" });
    world.pass(1_000);
    assertEquals(
      problemsNow(),
      ["Mal sends very many messages"],
      "under the name that the messages have",
    );
  },
);
