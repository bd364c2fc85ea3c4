import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../lib/base/ids.ts";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import { OpenLinks } from "../../lib/runtime/open_links.ts";
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
    listenAt: () => {},
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
  const openLinks = new OpenLinks(codec, { clock, environment, links, whoIs: () => ({}) });
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
  return { clock, closed, openLinks, info };
}

Deno.test("OpenLinks.ban() closes the link and takes no other of that key for so long", () => {
  const { clock, closed, openLinks, info } = eve();
  openLinks.add(FIRST, info);

  openLinks.ban(FIRST, "forged", 1_000);

  assertEquals(closed, [FIRST]);
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
