import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../lib/base/ids.ts";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import { BACKLOG_BYTES_MAX, LinkBacklog, OpenLinks } from "../../lib/runtime/open_links.ts";
import type { Links } from "../../lib/transport/link.ts";
import { VirtualClock } from "./virtual_clock.ts";

const EVE = "e".repeat(64) as PeerKey;
const [FIRST, SECOND, THIRD] = [1 as LinkId, 2 as LinkId, 3 as LinkId];

function eve() {
  const clock = new VirtualClock();
  const closed: LinkId[] = [];
  const links: Links = {
    local: { host: "", port: 0 },
    size: 0,
    dial: () => {},
    cancelDial: () => {},
    send: () => {},
    close: (link) => closed.push(link),
    pauseReading: () => {},
    resumeReading: () => {},
    roundTripMs: () => null,
    shutdown: () => Promise.resolve(),
  };
  const environment = {
    random: () => 0,
    randomBytes: (length: number) => new Uint8Array(length),
    wallMs: () => 0,
    crypto: nodeCrypto,
    log: SILENT_LOGGER,
  };
  const codec = { encode: () => new Uint8Array(), decode: () => ({ type: "word" }) };
  const bans: string[] = [];
  const banned = () => bans.push("banned");
  const openLinks = new OpenLinks(codec, { clock, environment, links, whoIs: () => ({}), banned });
  const info = {
    peer: EVE,
    process: "",
    dialled: false,
    remote: { host: "192.0.2.1", port: 1 },
    localHost: "",
    attempt: null,
    secret: null,
    roomNamed: false,
  };
  return { clock, closed, openLinks, info, bans };
}

Deno.test("OpenLinks.ban() closes the link and takes no other of that key for so long", () => {
  const { clock, closed, openLinks, info, bans } = eve();
  openLinks.add(FIRST, info);

  openLinks.ban(FIRST, "forged", 1_000);

  assertEquals([closed, bans], [[FIRST], ["banned"]]);
  assertEquals(openLinks.remove(FIRST)?.isBanned, true);
  assertEquals(openLinks.add(SECOND, info), false);
  clock.advance(1_000);
  assertEquals(openLinks.add(THIRD, info), true);
});

Deno.test("OpenLinks.ban() also meets who hung up before it", () => {
  const { openLinks, info } = eve();
  openLinks.add(FIRST, info);
  assertEquals(openLinks.remove(FIRST)?.isBanned, false);

  openLinks.ban(FIRST, "forged", 1_000);

  assertEquals(openLinks.add(SECOND, info), false);
});

const LINK = 1 as LinkId;
const OTHER = 2 as LinkId;

/** Links whose queue holds so many messages; then it is told as full, as from within `send`. */
function world(roomAtFirst: number) {
  const sent: string[] = [];
  const closed: LinkId[] = [];
  const state = { room: roomAtFirst };
  const backlog: LinkBacklog = new LinkBacklog({
    send(link, bytes) {
      sent.push(`${link}:${bytes[0]}`);
      if (link === LINK && --state.room <= 0) backlog.congested(link);
    },
    close: (link) => closed.push(link),
  });
  const send = (link: LinkId, ...numbers: number[]) => {
    for (const number of numbers) backlog.send(link, Uint8Array.of(number));
  };
  return { sent, closed, state, backlog, send };
}

Deno.test("LinkBacklog: what a full link doesn't take follows in order, piece by piece", () => {
  const { sent, state, backlog, send } = world(2);

  send(LINK, 1, 2, 3, 4, 5);
  send(OTHER, 9);
  assertEquals(sent, ["1:1", "1:2", "2:9"]);
  assertEquals(backlog.bytes, 3 * 256); // what each message costs at least
  state.room = 2;
  backlog.drained(LINK);
  send(LINK, 6);
  assertEquals(sent.slice(3), ["1:3", "1:4"]);
  state.room = 9;
  backlog.drained(LINK);
  send(LINK, 7);

  assertEquals(sent.slice(5), ["1:5", "1:6", "1:7"]);
});

Deno.test("LinkBacklog: nothing is kept of a link that is down", () => {
  const { sent, backlog, send } = world(1);
  send(LINK, 1, 2, 3);

  backlog.remove(LINK);
  assertEquals(backlog.bytes, 0);
  backlog.drained(LINK);

  assertEquals(sent, ["1:1"]);
});

Deno.test("LinkBacklog: whoever takes too little is let go", () => {
  const { sent, closed, backlog, send } = world(1);
  send(LINK, 1);
  const large = new Uint8Array(BACKLOG_BYTES_MAX / 2);

  backlog.send(LINK, large);
  backlog.send(LINK, large);
  assertEquals(closed, []);
  send(LINK, 2);
  send(OTHER, 3);

  assertEquals([sent, closed], [["1:1", "2:3"], [LINK]]);
});

Deno.test("LinkBacklog: short messages count as what they cost in memory", () => {
  const { closed, backlog, send } = world(1);
  send(LINK, 1);
  const short = new Uint8Array(3);

  for (let at = 0; at < BACKLOG_BYTES_MAX / 256; at++) backlog.send(LINK, short);
  assertEquals(closed, []);
  backlog.send(LINK, short);

  assertEquals(closed, [LINK]);
});

Deno.test("LinkBacklog: whenEmpty() waits for all that is kept, and for nothing of a link that is down", () => {
  const { sent, state, backlog, send } = world(1);
  const told = () => void sent.push("empty");
  backlog.whenEmpty(LINK, told);
  send(LINK, 1);
  backlog.whenEmpty(LINK, told);
  assertEquals(sent, ["empty", "1:1", "empty"], "what the link has taken isn't kept");

  send(LINK, 2, 3);
  backlog.whenEmpty(LINK, told);
  state.room = 1;
  backlog.drained(LINK);
  assertEquals(sent.slice(3), ["1:2"]);
  state.room = 2;
  backlog.drained(LINK);
  assertEquals(sent.slice(4), ["1:3", "empty"]);

  state.room = 1;
  send(LINK, 4, 5);
  backlog.whenEmpty(LINK, told);
  backlog.remove(LINK);
  backlog.drained(LINK);
  assertEquals(sent.slice(6), ["1:4"]);
});
