/** Issuer and guesser of word codes over channels in memory, in virtual time; what strangers send that is no message. */

import { assert, assertEquals } from "@std/assert";
import { nodeCrypto, nodeSigner, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { LinkId } from "../../../lib/base/ids.ts";
import { keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import { EXCHANGE_MS } from "../../../lib/protocols/words/limits.ts";
import { readCode } from "../../../lib/protocols/words/word_codes.ts";
import { WordIssuerHost } from "../../../lib/runtime/hosts/word_issuer_host.ts";
import {
  type GuessOutcome,
  WordGuesserHost,
} from "../../../lib/runtime/hosts/word_guesser_host.ts";
import { forwardTo, type LinkHandler, type Links, openTo } from "../../../lib/transport/link.ts";
import { MemoryLinkNetwork } from "../../doubles/memory_links.ts";
import { bytesFrom } from "../../protocols/words/words_world.ts";

const AT = { host: "192.0.2.1", port: 1 };

function identityOf(name: string) {
  const seed = bytesFrom(name);
  const own = { signer: nodeSigner(seed(32)), static: keyPairFromSeed(seed(32)) };
  return { own, self: { key: own.signer.key, process: own.static.publicKey.toHex() } };
}

/** An issuer that listens, and how its codes have ended. */
class World {
  readonly network = new MemoryLinkNetwork({ latencyMs: 1 });
  readonly ends: string[] = [];
  readonly host: WordIssuerHost;
  code = "";
  #guests = 1;

  constructor() {
    const { own, self } = identityOf("issuer");
    let links: Links | null = null;
    const environment = this.environment("issuer");
    this.host = new WordIssuerHost({
      clock: this.network.clock,
      environment,
      links: {
        send: (link, body, lane) => links!.send(link, body, lane),
        close: (link, reason) => links!.close(link, reason),
      },
      self,
      addressOf: (host) => host,
      admits: () => true,
      issued: ({ code }) => void (this.code = code),
      ended: ({ end }) => void this.ends.push(end),
      outdated: () => {},
      open: () => {},
    });
    const { host } = this;
    const handler: LinkHandler = {
      linkUp: (link, info) => host.linkUp(link, info, info.binding!),
      frame: (link, body) => host.frame(link, body),
      linkDown: (link, { reason }) => host.linkDown(link, reason),
      dialFailed() {},
      congested() {},
      drained() {},
      aged() {},
    };
    const access = {
      ...openTo("mesh"),
      get words() {
        return host.isAwaiting ? { admit: () => null } : null;
      },
    };
    links = this.network.open(AT, { identity: own, env: environment, access, handler });
    host.issue("the invite", undefined);
  }

  environment(seed: string) {
    const { clock } = this.network;
    const wallMs = () => 1_700_000_000_000 + clock.nowMs();
    const randomBytes = bytesFrom(`${seed} bytes`);
    return { randomBytes, random: () => 0.5, wallMs, crypto: nodeCrypto, log: SILENT_LOGGER };
  }

  /** Links of somebody who dials in the mode of words. */
  dialler(handler: LinkHandler): Links {
    const name = `guest ${++this.#guests}`;
    const at = { host: `192.0.2.${this.#guests}`, port: 1 };
    const { own } = identityOf(name);
    const env = this.environment(name);
    return this.network.open(at, { identity: own, env, access: openTo("words"), handler });
  }

  async guess(code: string): Promise<GuessOutcome> {
    let host: WordGuesserHost | null = null;
    const links = this.dialler(forwardTo(() => host));
    const { self } = identityOf(`guest ${this.#guests}`);
    const environment = this.environment(`guesser ${this.#guests}`);
    const ports = { clock: this.network.clock, environment, links, self };
    host = new WordGuesserHost(readCode(code), { endpoint: AT, fingerprint: null }, ports);
    const outcome = host.run();
    this.network.clock.advance(2_000);
    return await outcome;
  }

  /** A stranger that says these bytes once its link is up. @returns Why its link has ended. */
  says(bytes: Uint8Array, waitMs: number): string {
    let ended = "";
    const links: Links = this.dialler({
      linkUp: (link: LinkId) => links.send(link, bytes, "control"),
      linkDown: (_, { reason }) => void (ended = reason),
      dialFailed: (_, { reason }) => void (ended = reason),
      frame() {},
      congested() {},
      drained() {},
      aged() {},
    });
    const expect = { key: null, room: null, secret: null, mode: "words" } as const;
    links.dial(1, AT, expect);
    this.network.clock.advance(waitMs);
    return ended;
  }
}

Deno.test("the invite passes between the two hosts, over a channel, once", async () => {
  const world = new World();

  const outcome = await world.guess(world.code);
  const again = await world.guess(world.code);

  assert(outcome.type === "invited");
  assertEquals([outcome.invite, outcome.issuer], ["the invite", identityOf("issuer").self.key]);
  assertEquals(again.type === "failed" ? again.reason : "", "bad-credentials");
  assertEquals(world.ends, ["used", "late"]);
});

Deno.test("bytes that are no message, or one of a later version, end the link and nothing else", async () => {
  const world = new World();

  assertEquals(world.says(utf8("hello"), 2_000), "protocol");
  assertEquals(world.says(Uint8Array.of(99), 2_000), "protocol");

  assertEquals(world.ends, []);
  assertEquals((await world.guess(world.code)).type, "invited");
});

Deno.test("a guess that is followed by nothing is over after ten seconds, and its code with it", () => {
  const world = new World();
  const share = new Uint8Array(32);
  share.set(Uint8Array.fromHex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"));
  const number = Number(world.code.split("-")[0]);

  const ended = world.says(Uint8Array.of(1, number, ...share), EXCHANGE_MS + 2_000);

  assertEquals(ended, "timeout");
  assertEquals(world.ends, ["given-up"]);
});

Deno.test("once it has stopped, nobody may come with a code", async () => {
  const world = new World();
  world.host.stop();

  const outcome = await world.guess(world.code);

  assertEquals(outcome.type === "failed" ? outcome.reason : "", "bad-credentials");
});
