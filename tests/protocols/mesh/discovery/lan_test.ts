import { assert, assertEquals } from "@std/assert";
import type { RoomId } from "../../../../lib/base/ids.ts";
import { textsOf } from "../../../../lib/protocols/mesh/discovery/announcement.ts";
import { Lan } from "../../../../lib/protocols/mesh/discovery/lan.ts";
import type {
  EnteredRoom,
  LanEffect,
  LanInput,
} from "../../../../lib/protocols/mesh/discovery/lan_io.ts";
import { announcedTag } from "../../../../lib/protocols/mesh/discovery/room_tags.ts";
import { fakeEnvironment } from "../membership_fixtures.ts";

const VERSION = 12;
const roomOf = (number: number) => number.toString(16).padStart(64, "0") as RoomId;
const SECRET = { epoch: 1, secret: new Uint8Array(32).fill(9) };

/** A machine with its time. */
class Member {
  readonly environment = { ...fakeEnvironment(), random: () => 0.5 };
  readonly lan = new Lan({ instance: "own", version: VERSION }, this.environment);
  nowMs = 0;

  feed(input: LanInput): readonly LanEffect[] {
    return this.lan.step(input, this.nowMs);
  }

  hear(room: number, at = room, title: string | null = null, version = VERSION) {
    const texts = textsOf({ version, room: roomOf(room), title, tag: null, words: [] });
    return this.say(at, texts);
  }

  say(at: number, texts: readonly string[], instance = `i${at}`, elsewhere = {}) {
    const service = { instance, port: 100 + at, texts, ...elsewhere };
    return this.feed({ type: "heard", host: `10.0.0.${at}`, service, lifeMs: 120_000 });
  }

  /** What happens by itself until then. */
  until(untilMs: number): readonly LanEffect[] {
    const effects: LanEffect[] = [];
    for (let due = this.lan.nextDeadlineMs(); due !== null && due <= untilMs;) {
      this.nowMs = Math.max(this.nowMs, due);
      effects.push(...this.feed({ type: "tick" }));
      due = this.lan.nextDeadlineMs();
    }
    this.nowMs = untilMs;
    return effects;
  }

  enter(room: number, more: Partial<EnteredRoom> = {}): readonly LanEffect[] {
    const entered = { room: roomOf(room), port: 55, title: null, secrets: [], givesWay: false };
    return this.feed({ type: "entered", room: { ...entered, ...more } });
  }
}

function seeking(own: readonly number[] = [], only = false): Member {
  const member = new Member();
  const rooms = own.map((room) => ({ room: roomOf(room), secrets: [] }));
  assertEquals(member.feed({ type: "seek", own: rooms, only }), [{ type: "ask" }]);
  return member;
}

/** What was chosen, in short. */
function choices(effects: readonly LanEffect[]): readonly string[] {
  return effects.flatMap((effect) => {
    if (effect.type !== "chosen") return [];
    const { choice } = effect;
    switch (choice.kind) {
      case "none":
        return ["none"];
      case "several":
        return [`several: ${choice.announced.map(({ room }) => Number(`0x${room}`)).join()}`];
      default:
        return [`${choice.kind} ${Number(`0x${choice.announced.room}`)}`];
    }
  });
}

function types(effects: readonly LanEffect[]): readonly string[] {
  return effects.map(({ type }) => type);
}

Deno.test("Lan: where nothing is announced within 1.5 s, none is chosen; it was asked twice", () => {
  const member = seeking();

  assertEquals(types(member.until(1_499)), ["ask"]);
  assertEquals(choices(member.until(1_500)), ["none"]);
  assertEquals(member.lan.nextDeadlineMs(), null);
});

Deno.test("Lan: the one room that is announced is chosen after a moment, with all who announce it", () => {
  const member = seeking();
  member.until(50);
  assertEquals(member.hear(5, 1), []);
  member.hear(5, 2);

  assertEquals(types(member.until(549)), []);
  const [chosen] = member.until(550);
  assertEquals(choices([chosen!]), ["other 5"]);
  assertEquals(
    chosen?.type === "chosen" && chosen.choice.kind === "other" &&
      chosen.choice.announced.endpoints,
    [{ host: "10.0.0.1", port: 101 }, { host: "10.0.0.2", port: 102 }],
  );
});

Deno.test("Lan: of several rooms the user chooses, once founders that met had time to become one", () => {
  const member = seeking();
  member.hear(5);
  member.hear(6);
  assertEquals(choices(member.until(1_499)), []);
  assertEquals(choices(member.until(1_500)), ["several: 5,6"]);

  const late = seeking();
  late.until(1_400);
  late.hear(5);
  late.hear(6);
  assertEquals(choices(late.until(1_900)), []);
  const gone = late.feed({ type: "gone", host: "10.0.0.6", instance: "i6" });
  assertEquals(choices(gone), ["other 5"]);
});

Deno.test("Lan: however many rooms are made up, it is chosen within 3 s", () => {
  const member = seeking();
  const chosen: LanEffect[] = [];
  for (let at = 1; at < 250 && chosen.length === 0; at++) {
    member.hear(at);
    chosen.push(...member.until(20 * at).filter(({ type }) => type === "chosen"));
  }

  assertEquals(chosen.length, 1);
  assertEquals(member.nowMs, 3_000);
});

Deno.test("Lan: one's own room is taken at once, and another only when it had its time", () => {
  const member = seeking([7]);
  member.hear(5);
  assertEquals(choices(member.until(1_000)), []);
  assertEquals(choices(member.hear(7)), ["own 7"]);

  const away = seeking([7]);
  away.hear(5);
  assertEquals(choices(away.until(1_499)), []);
  assertEquals(choices(away.until(1_500)), ["other 5"]);

  const only = seeking([7], true);
  only.hear(5);
  assertEquals(choices(only.until(1_500)), ["none"]);
});

Deno.test("Lan: a private room is found by its tag alone, and by nobody without its secret", () => {
  const own = { room: roomOf(7), secrets: [SECRET] };
  const member = new Member();
  member.feed({ type: "seek", own: [own], only: true });
  const tag = announcedTag(own, member.environment.wallMs());
  const texts = textsOf({ version: VERSION, room: null, title: null, tag, words: [] });

  member.hear(7); // somebody else's open room, under its id
  assertEquals(types(member.until(100)), []);
  assertEquals(types(member.say(3, texts)), ["chosen"]);
  const stranger = seeking();
  stranger.say(3, texts);
  const [nothing] = stranger.until(1_500).filter(({ type }) => type === "chosen");
  assertEquals(nothing, { type: "chosen", choice: { kind: "none", hasPrivate: true } });
});

Deno.test("Lan: a room of another version of the protocol isn't chosen, nor one that was tried in vain", () => {
  const member = seeking();
  member.hear(5, 5, null, VERSION + 1);
  assertEquals(choices(member.until(1_500)), ["none"]);

  const tried = seeking();
  tried.hear(5);
  const [effect] = tried.until(500);
  const room = effect?.type === "chosen" && effect.choice.kind === "other"
    ? effect.choice.announced
    : null;
  tried.feed({ type: "vain", room: room! });
  tried.feed({ type: "seek", own: [], only: false });
  tried.hear(5);
  assertEquals(choices(tried.until(5_000)), ["none"]);
});

Deno.test("Lan: a room is announced at once, repeated, refreshed, and taken back", () => {
  const member = new Member();
  const service = {
    instance: "own",
    port: 55,
    texts: textsOf({
      version: VERSION,
      room: roomOf(5),
      title: "Stand-up",
      tag: null,
      words: [],
    }),
  };

  assertEquals(member.enter(5, { title: "Stand-up" }), [
    { type: "ask" },
    { type: "announce", service },
  ]);
  assertEquals(types(member.until(249)), []);
  assertEquals(types(member.until(250)), ["announce"]);
  assertEquals(types(member.until(1_250)), ["ask", "announce"]);
  assertEquals(types(member.until(61_249)), []);
  assertEquals(types(member.until(61_250)), ["announce"]);
  assertEquals(member.feed({ type: "leave" }), [{ type: "goodbye", service }]);
  assertEquals(member.lan.nextDeadlineMs(), null);
});

Deno.test("Lan: whoever asks is answered after a moment; a thousand that ask, once a second", () => {
  const member = new Member();
  member.enter(5);
  member.until(5_000);
  const askMany = () => {
    for (let at = 0; at < 1_000; at++) member.feed({ type: "asked" });
  };
  askMany();
  assertEquals(types(member.until(5_069)), []);
  assertEquals(types(member.until(5_070)), ["announce"]);
  let answers = 0;
  for (let second = 0; second < 30; second++) {
    for (let part = 0; part < 10; part++) {
      askMany();
      answers += types(member.until(member.nowMs + 100)).length;
    }
  }

  // Some come sooner, as who looks for a room doesn't wait for long.
  assert(answers >= 29 && answers <= 30 + 10, String(answers));
});

Deno.test("Lan: who accepts no connections announces nothing, and answers nobody", () => {
  const member = new Member();
  assertEquals(types(member.enter(5, { port: null })), ["ask"]);
  member.feed({ type: "asked" });
  assertEquals(types(member.until(100_000)), ["ask"]);
  assertEquals(member.feed({ type: "leave" }), []);
});

Deno.test("Lan: numbers of word codes are announced beside the room, and found by whoever looks", () => {
  const member = new Member();
  member.enter(5);
  member.until(2_000);
  const [announced] = member.feed({ type: "words", numbers: [7, 12] });
  const texts = announced?.type === "announce" ? announced.service.texts : [];
  const seeker = new Member();
  assertEquals(types(seeker.feed({ type: "seek-words", number: 12 })), ["ask"]);
  seeker.say(1, texts);

  assertEquals(texts.at(-1), "words=7,12");
  assertEquals(seeker.until(200), [
    { type: "words-found", endpoints: [{ host: "10.0.0.1", port: 101 }] },
  ]);
  const other = new Member();
  other.feed({ type: "seek-words", number: 8 });
  other.say(1, texts);
  assertEquals(other.until(1_500).at(-1), { type: "words-found", endpoints: [] });
});

Deno.test("Lan: of two founders the one with the greater room id gives way, to the lowest it hears", () => {
  const greater = new Member();
  greater.enter(9, { givesWay: true });
  greater.until(100);
  greater.hear(5);
  greater.hear(3);
  greater.hear(12);
  const effects = greater.until(400);

  assertEquals(types(effects), ["announce", "give-way"]);
  const [, giving] = effects;
  assertEquals(giving?.type === "give-way" && giving.to.room, roomOf(3));

  const lower = new Member();
  lower.enter(3, { givesWay: true });
  lower.until(100);
  lower.hear(9);
  assertEquals(types(lower.until(399)), ["announce"]);
  assertEquals(types(lower.until(400)), ["settled"]);
});

Deno.test("Lan: a founder with company stays, and so does one whose room is old", () => {
  const joined = new Member();
  joined.enter(9, { givesWay: true });
  assertEquals(types(joined.feed({ type: "company" })), ["settled"]);
  joined.hear(3);
  assertEquals(types(joined.until(60_000)).includes("give-way"), false);

  const old = new Member();
  old.enter(9, { givesWay: true });
  old.until(10_000);
  old.hear(3);
  assertEquals(types(old.until(20_000)).includes("give-way"), false);
});

Deno.test("Lan: a founder that is heard late is met all the same, while both are new", () => {
  const member = new Member();
  member.enter(9, { givesWay: true });
  assertEquals(types(member.until(2_000)).filter((type) => type === "settled").length, 1);
  member.hear(3);
  assertEquals(types(member.until(2_400)), ["give-way"]);
});

Deno.test("Lan: members of one's own room are told of, each address once in ten seconds, few in all", () => {
  const member = new Member();
  member.enter(5);
  member.until(2_000);

  assertEquals(member.hear(5, 1), [{ type: "hint", endpoint: { host: "10.0.0.1", port: 101 } }]);
  assertEquals(member.hear(5, 1), []);
  member.until(12_001);
  assertEquals(types(member.hear(5, 1)), ["hint"]);
  let hints = 0;
  for (let at = 2; at < 250; at++) hints += member.hear(5, at).length;
  assertEquals(hints, 3);
});

Deno.test("Lan: what it announces itself is no hint", () => {
  const member = new Member();
  const announced = member.enter(5).find(({ type }) => type === "announce");
  const texts = announced?.type === "announce" ? announced.service.texts : [];
  assertEquals(member.say(1, texts, "own"), []);
});

Deno.test("Lan: other rooms are told of while we are alone, some times, however many are made up", () => {
  const member = new Member();
  member.enter(5);
  member.until(2_000);
  let told = 0;
  for (let at = 0; at < 10_000; at++) {
    const texts = textsOf({
      version: VERSION,
      room: roomOf(at),
      title: null,
      tag: null,
      words: [],
    });
    member.say(1 + at % 200, texts, `i${at}`);
    told += types(member.until(2_000 + 6 * at)).filter((type) => type === "others").length;
  }

  assertEquals(told, 3);
  assertEquals(member.lan.kept, 256);

  const busy = new Member();
  busy.enter(5);
  busy.feed({ type: "company" });
  busy.hear(6);
  assertEquals(types(busy.until(5_000)).includes("others"), false);
});

Deno.test("Lan: a member is where its announcement says, whoever passes that on", () => {
  const member = new Member();
  member.enter(5);
  const said = { version: VERSION, room: roomOf(5), title: null, tag: null, words: [] };
  const effects = member.say(1, textsOf(said), "far", { host: "10.9.0.7" });

  assertEquals(effects, [{ type: "hint", endpoint: { host: "10.9.0.7", port: 101 } }]);
});

Deno.test("Lan: who founds a room without a network gives way once there is one, unless somebody came", () => {
  for (const [inputs, expected] of [[[], ["give-way"]], [["company"], []]] as const) {
    const member = new Member();
    member.enter(5, { givesWay: true });
    for (const type of inputs) member.feed({ type });
    member.until(60_000);
    member.feed({ type: "connected" });
    member.hear(4);

    const done = types(member.until(61_000)).filter((type) => type === "give-way");
    assertEquals(done, [...expected]);
  }
});
