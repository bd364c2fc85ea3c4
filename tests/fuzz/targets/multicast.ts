/**
 * What comes to the group of multicast DNS that no program of ours sends: each message is read or passed over, what is
 * read of it is within its bounds and can be sent again, and a member that hears it keeps, dials and tells no more than
 * it may.
 *
 * An input is a row of parcels (`parcels.ts`): who sends the message, and when, and the message.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import { isPrivateHost, PORT_MAX } from "../../../lib/base/text/endpoints.ts";
import {
  announcedEvent,
  announcedLines,
  announcedText,
} from "../../../lib/cli/discovery/announced_texts.ts";
import type { AnnouncedRoom } from "../../../lib/protocols/mesh/discovery/announced_rooms.ts";
import { textsOf } from "../../../lib/protocols/mesh/discovery/announcement.ts";
import { Lan } from "../../../lib/protocols/mesh/discovery/lan.ts";
import type { LanEffect, LanInput } from "../../../lib/protocols/mesh/discovery/lan_io.ts";
import {
  announcingMessage,
  askingMessage,
  goodbyeMessage,
  readMessage,
} from "../../../lib/transport/discovery/dns_messages.ts";
import type { Service } from "../../../lib/transport/discovery/service_discovery.ts";
import { fakeEnvironment } from "../../protocols/mesh/membership_fixtures.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import { parcelOf, parcelsIn } from "../parcels.ts";
import type { Target } from "../target.ts";

const VERSION = 12;
const HOSTS = ["10.0.0.1", "10.0.0.2", "fe80::1%eth0", "192.168.1.9"];
/** Where it may dial: who has announced it, or an address of no other network, which a reflector passes on. */
const mayDial = (host: string) => HOSTS.includes(host) || isPrivateHost(host);
const ROOMS = [0, 1, 2, 0xf].map((number) => number.toString(16).padStart(64, "0") as RoomId);
const OWN_ROOM = ROOMS[2]!;
const WORD = 7;
/** Of one machine. */
const KEPT_MAX = 16 * HOSTS.length;
const EFFECTS_MAX = 8;
/** Addresses that it dials at once, beyond one each second. */
const HINTS_BURST = 4;
/** Time between two messages, ms. */
const PAUSES_MS = [0, 10, 700, 130_000];
/** Steps that a member takes by itself in some minutes. */
const TICKS_MAX = 2_000;

function checkRooms(rooms: readonly AnnouncedRoom[]): void {
  assert(rooms.length <= KEPT_MAX);
  for (const { room, tag, title, version, endpoints } of rooms) {
    assertMatch(room ?? `${tag}`, room === null ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{64}$/);
    assert((room === null) === (tag !== null), "open or private");
    assert(Number.isInteger(version) && version >= 0);
    if (title !== null) {
      assert(room !== null && title.length > 0 && Array.from(title).length <= 64);
      assertMatch(title, /^[^\p{C}\p{Zl}\p{Zp}]+$/u);
    }
    assert(endpoints.length > 0 && endpoints.length <= 8);
    for (const { host, port } of endpoints) {
      assert(mayDial(host) && Number.isInteger(port) && port > 0 && port <= PORT_MAX);
    }
  }
  const event = announcedEvent(rooms);
  const parts = announcedLines(event, true).flat();
  const texts = parts.flatMap((part) => {
    if (typeof part === "string") return [part];
    return "text" in part ? [part.text] : [];
  });
  const open = rooms.filter(({ room }) => room !== null);
  for (const text of [...texts, announcedText(open)]) assert(!/\p{C}/u.test(text), text);
}

function checkEffect(effect: LanEffect): void {
  switch (effect.type) {
    case "looked":
    case "others":
      return checkRooms(effect.rooms);
    case "chosen": {
      const { choice } = effect;
      if (choice.kind === "none") return;
      return checkRooms(choice.kind === "several" ? choice.announced : [choice.announced]);
    }
    case "give-way":
      assert(effect.to.room! < OWN_ROOM);
      return checkRooms([effect.to]);
    case "hint":
      return assert(mayDial(effect.endpoint.host) && effect.endpoint.port > 0);
    case "words-found":
      return assert(effect.endpoints.every(({ host }) => mayDial(host)));
  }
}

function checkService(service: Service, host: string): void {
  const { instance, port, texts } = service;
  assertMatch(instance, /^[a-z0-9-]{1,63}$/);
  assert(Number.isInteger(port) && port > 0 && port <= PORT_MAX);
  assert(texts.length <= 16);
  for (const text of texts) assert(text.length <= 255 && text.isWellFormed());
  if (texts.length === 0 || texts.some((text) => utf8(text).length > 255)) return;
  const sent = announcingMessage(service, "10.0.0.5");
  const again = readMessage(sent);
  if (sent.length <= 1_472) {
    assertEquals(again?.services.map((each) => each.service), [{ ...service, host: "10.0.0.5" }]);
  }
  assert(HOSTS.includes(host));
}

/** What a member does that hears all of it; the first byte says what it is about. @returns Whether it heard a room. */
function check(input: Uint8Array): boolean {
  const environment = { ...fakeEnvironment(), random: () => 0.5 };
  const lan = new Lan({ instance: "own", version: VERSION }, environment);
  let [nowMs, hints] = [0, 0];
  const step = (given: LanInput) => {
    const effects = lan.step(given, nowMs);
    hints += effects.filter(({ type }) => type === "hint").length;
    assert(hints <= HINTS_BURST + nowMs / 1_000, "it dials as few as it may");
    assert(effects.length <= EFFECTS_MAX, `${effects.length} effects of one input`);
    for (const effect of effects) checkEffect(effect);
    assert(lan.kept <= KEPT_MAX, "what it keeps is bounded");
  };
  const until = (untilMs: number) => {
    let ticks = 0;
    for (let due = lan.nextDeadlineMs(); due !== null && due <= untilMs;) {
      assert(++ticks <= TICKS_MAX, "it comes to rest");
      nowMs = Math.max(nowMs, due);
      step({ type: "tick" });
      due = lan.nextDeadlineMs();
    }
    nowMs = untilMs;
  };
  const [about = 0] = input;
  const room = { room: OWN_ROOM, port: 5, title: "t", secrets: [], givesWay: about >= 128 };
  const begins: readonly LanInput[] = [
    { type: "seek", own: [{ room: OWN_ROOM, secrets: [] }], only: about >= 128 },
    { type: "look", forMs: 1_500 },
    { type: "seek-words", number: WORD },
    { type: "entered", room },
  ];
  step(begins[about % begins.length]!);
  let isHeard = false;
  for (const { kind, bytes } of parcelsIn(input.subarray(1))) {
    const host = HOSTS[kind & 3]!;
    until(nowMs + PAUSES_MS[kind >> 2 & 3]!);
    const message = readMessage(bytes);
    if (message === null) continue;
    const { isAsking, services, ended } = message;
    assert(services.length + ended.length <= 4, "each machine sends its own alone");
    if (isAsking) step({ type: "asked" });
    for (const { service, lifeMs } of services) {
      assert(lifeMs > 0 && lifeMs <= 120_000, `${lifeMs} ms`);
      checkService(service, host);
      const { host: at, ...here } = service;
      const isPassedOn = at !== undefined && isPrivateHost(at); // as the transport looks at it
      step({ type: "heard", host, service: isPassedOn ? service : here, lifeMs });
    }
    for (const instance of ended) step({ type: "gone", host, instance });
    if (lan.kept > 0) isHeard = true;
  }
  step({ type: "look", forMs: 1_500 });
  until(nowMs + 300_000);
  if (about % begins.length === 3) step({ type: "leave" });
  return isHeard;
}

// What programs send.

const TITLES = [null, "Lunch", "Mittag \u00fcber", "\u202eevil", "x".repeat(300), " ", "\ud800"];

function serviceAt(random: Random): Service {
  const isOpen = random.chance(0.7);
  const texts = textsOf({
    version: random.pick([VERSION, VERSION, 13, 0]),
    room: isOpen ? random.pick(ROOMS) : null,
    title: isOpen ? random.pick(TITLES) : null,
    tag: isOpen ? null : random.pick(["ab".repeat(16), "0".repeat(32)]),
    words: random.chance(0.3) ? [WORD, 100_000, random.below(20)] : [],
  });
  const instance = random.pick(["own", "k7f3q2", "x".repeat(63), "A b", `i${random.below(40)}`]);
  const more = random.chance(0.1) ? ["a=b", "", "words=1,2,,3", "room=x"] : [];
  return { instance, port: random.pick([1, 55_107, 0, 65_535]), texts: [...texts, ...more] };
}

function message(random: Random): Uint8Array {
  switch (random.below(6)) {
    case 0:
      return askingMessage();
    case 1:
      return goodbyeMessage(serviceAt(random), "10.0.0.5");
    default:
      return announcingMessage(serviceAt(random), "10.0.0.5");
  }
}

function make(random: Random): Uint8Array {
  const parcels = Array.from({ length: 1 + random.below(8) }, () => {
    const bytes = message(random);
    const sent = random.chance(0.5) ? spoilt(bytes, PIECES, random) : bytes;
    return parcelOf(random.below(256), sent);
  });
  // Many programs of one machine.
  if (random.chance(0.05)) {
    for (let at = 0; at < 100; at++) {
      const service = { ...serviceAt(random), instance: `m${at}`, port: 1 + at };
      parcels.push(parcelOf(1, announcingMessage(service, "10.0.0.5")));
    }
  }
  return concatBytes(Uint8Array.of(random.below(256)), ...parcels);
}

const PIECES = ["_p2pchat", "_tcp", "local", "own", "v=12", "room=", "title=", "words=", "tag="]
  .concat(["1,".repeat(60), "\u202e", "\x1b[2J"])
  .map(utf8)
  // Pointers to a name, and a label, a type and a class, numbers of records.
  .concat(
    ["c00c", "c000", "c0ff", "3f", "ff", "000c0001", "00100001", "00210001", "00ff0001", "0029"]
      .map((digits) => Uint8Array.fromHex(digits)),
  )
  .concat(NUMBERS, NO_TEXT);

export const multicastTarget: Target = { name: "multicast", pieces: PIECES, make, check };
