/** A meeting point that strangers of one address flood, while members of others are reached there. */

import { assert, assertEquals } from "@std/assert";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import type { RoomId } from "../../lib/base/ids.ts";
import type { Fingerprint } from "../../lib/base/text/fingerprint.ts";
import {
  MEETING_MESSAGES,
  type MeetingMessage,
} from "../../lib/protocols/meeting_point/messages.ts";
import {
  NUMBERS_PER_ADDRESS_MAX,
  VISITORS_EACH_MAX,
} from "../../lib/protocols/meeting_point/limits.ts";
import { roomTagAt } from "../../lib/protocols/meeting_point/room_tag.ts";
import { createCodec } from "../../lib/wire/codec.ts";
import { holds, Node, Nodes, type ShownEvent } from "./node.ts";
import { Outsider } from "./outsider.ts";
import { residentBytes } from "./proc.ts";

const codec = createCodec(MEETING_MESSAGES);
const MEMORY_GROWTH_MAX = 96 * 1_024 * 1_024;

const is = (event: string) => (shown: ShownEvent) => shown.event === event;
const joined = (name: string) => (shown: ShownEvent) =>
  shown.event === "joined" && shown.name === name;
const said = (text: string) => (shown: ShownEvent) =>
  shown.event === "message" && shown.text === text;

/** Whether this machine has an address beside 127.0.0.1, from which its programs dial. */
function hasOtherAddress(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test({
  name:
    "meeting point: strangers of one address fill its places, half-open links and floods among them; members of another one notice nothing",
  ignore: !hasOtherAddress(),
  async fn() {
    await using nodes = new Nodes();
    const point = nodes.add(Node.start(["regserver", "--meeting-point", "--port", "0"]));
    const { port, key: pointKey } = await point.until(is("ready"));
    const start = (name: string, ...more: readonly string[]) =>
      nodes.add(Node.start(["mesh", name, "--passive", "--meet", `[::1]:${port}`, ...more]));
    const alice = start("Alice");
    await alice.until((shown) => shown.event === "meeting-point" && shown.state === "registered");
    const { room, key: member } = await alice.until(is("ready"));
    const { invite } = await alice.ask("invite");
    const bob = start("Bob", "--invite", invite);
    await Promise.all([alice.until(joined("Bob")), bob.until(joined("Alice"))]);
    const memory = await residentBytes(point.pid);

    // They know the room and a member, as whoever was there once does.
    const tag = roomTagAt(nodeCrypto, pointKey as Fingerprint, room as RoomId);
    await using crowd = new AsyncDisposableStack();
    const strangers: Outsider<MeetingMessage>[] = [];
    for (let at = 0; at < VISITORS_EACH_MAX + 6; at++) {
      const one = crowd.use(await Outsider.dial({ port, mode: "meeting", codec }));
      one.say({ type: "register", room: tag });
      one.say({ type: "numbers", numbers: [3 * at % 99, 3 * at % 99 + 1] });
      one.say({ type: "connect", stream: 0, room: tag, member });
      strangers.push(one);
    }
    const first = await Promise.all(strangers.map((one) => one.hears()));
    const turnedAway = first.filter(({ type }) => type === "ended");
    assertEquals(turnedAway.length, 6);
    const [flooder] = strangers;
    for (let at = 0; at < 1_000; at++) flooder!.say({ type: "close", stream: 50, reason: "x" });

    // Everybody else is served: who is here, and who comes now.
    await bob.say("while they are here");
    await alice.until(said("while they are here"));
    const carol = start("Carol", "--invite", invite);
    await alice.until(joined("Carol"));
    await carol.say("in");
    await bob.until(said("in"));
    await holds("the flooder is let out", () => !flooder!.isUp);
    const numbered = await Promise.all(strangers.filter(({ isUp }) => isUp).map(numbersOf));
    assert(numbered.flat().length <= NUMBERS_PER_ADDRESS_MAX, `they have ${numbered}`);
    assertEquals([alice, bob].flatMap(({ events }) => events.filter(is("left"))), []);
    assert(await residentBytes(point.pid) - memory < MEMORY_GROWTH_MAX, "memory is bounded");
  },
});

/** The numbers that this visitor has. */
async function numbersOf(one: Outsider<MeetingMessage>) {
  for (;;) {
    const heard = await one.hears();
    if (heard.type === "ended") return [];
    if (heard.type === "numbered") return heard.numbers;
  }
}
