/** An address that a router names (`--map-port`): announced only once a member has dialled it, whoever lies about that. */

import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../lib/base/ids.ts";
import type { MeshEffect } from "../../lib/protocols/mesh/schema/mesh_io.ts";
import { EvenWorld } from "./mesh/even_world.ts";
import type { Member } from "./mesh/member.ts";
import { meshSubject } from "./mesh/mesh_subject.ts";
import { Wrapped } from "./mesh/wrapped.ts";

/** The router's address on the internet, and the port that it passes on to Ann. */
const MAPPED: Endpoint = { host: "203.0.113.7", port: 55_107 };
const SECOND_MS = 1_000;

function addressOf(at: number): Endpoint {
  return { host: `198.51.100.${at}`, port: 55_107 };
}

/** Says of every address that it has dialled it, and dials nobody for that. */
class SaysYes extends Wrapped {
  override effects(effects: readonly MeshEffect[]): MeshEffect[] {
    return effects.map((effect) => {
      if (effect.type !== "send" || effect.message.type !== "dialled-back") return effect;
      return { ...effect, message: { ...effect.message, reachable: true } };
    });
  }
}

/** Ann behind a router, Bob on the internet, and what both do. */
class Home {
  readonly world: EvenWorld;
  readonly ann: Member;
  readonly bob: Member;
  /** What Bob dials. */
  readonly dialled: Endpoint[] = [];
  readonly notices: string[] = [];

  constructor({ bobLies = false } = {}) {
    const subject = meshSubject((mesh) =>
      bobLies && mesh.config.name === "Bob" ? new SaysYes(mesh) : mesh
    );
    this.world = new EvenWorld(
      6,
      [{
        name: "what is dialled and said",
        effect: ({ member }, effect) => {
          if (member === this.bob && effect.type === "dial") this.dialled.push(effect.endpoint);
        },
        shown: ({ member }, event) => {
          if (member === this.ann && event.event === "notice") this.notices.push(event.text);
        },
      }],
      {},
      subject,
    );
    this.ann = this.world.add("Ann", { natted: true, seenHost: MAPPED.host });
    this.bob = this.add("Bob");
  }

  add(name: string): Member {
    const member = this.world.add(name);
    member.endpoint = addressOf(member.index);
    return member;
  }

  pass(seconds: number): void {
    this.world.pass(seconds * SECOND_MS);
  }

  /** Bob founds, and Ann comes in through him. */
  annComesIn(): void {
    this.world.start(this.bob, { kind: "found" });
    this.pass(1);
    this.world.join(this.ann, this.bob);
    this.pass(5);
  }

  /** Ann's router says that it passes this on to her. @param isTrue Whether it does. */
  map(endpoint: Endpoint | null, isTrue: boolean): void {
    if (isTrue && endpoint !== null) this.world.network.listen(endpoint, this.ann.process!);
    this.ann.process!.sim.deliver({ type: "mapped", endpoint });
  }

  /** Where Bob finds Ann in his list. */
  get announced(): string | undefined {
    this.bob.process!.command({ command: "peers" });
    this.pass(1);
    const ann = this.bob.process!.peers?.find(({ name }) => name === "Ann");
    return ann?.host;
  }
}

Deno.test("a mapped address is announced once the member that its owner has dialled dials it back", () => {
  const home = new Home();
  home.annComesIn();
  home.map(MAPPED, true);
  home.pass(5);

  assertEquals(home.ann.process!.proven, [MAPPED]);
  assertEquals(home.announced, MAPPED.host);
  // Somebody who comes in through Bob finds Ann there.
  const cem = home.add("Cem");
  home.world.join(cem, home.bob);
  home.pass(20);
  cem.process!.command({ command: "peers" });
  home.pass(1);
  const ann = cem.process!.peers?.find(({ name }) => name === "Ann");
  assertEquals([ann?.host, ann?.port], [MAPPED.host, MAPPED.port]);
});

Deno.test("a mapped address counts that was given to somebody by hand", () => {
  const home = new Home();
  home.world.start(home.ann, { kind: "found" });
  home.pass(1);
  home.map(MAPPED, true);
  home.pass(60);
  assertEquals(home.ann.process!.proven, []); // nobody has come
  home.world.start(home.bob, { kind: "join", contact: MAPPED });
  home.pass(15);

  assertEquals(home.ann.process!.proven, [MAPPED]);
  assertEquals(home.announced, MAPPED.host);
});

Deno.test("a mapped address that leads nowhere isn't announced, though a member says that it has dialled it", () => {
  for (const bobLies of [false, true]) {
    const home = new Home({ bobLies });
    home.annComesIn();
    home.map(MAPPED, false);
    home.pass(300);

    assertEquals(home.ann.process!.proven, [], `Bob lies: ${bobLies}`);
    assertEquals(home.announced === MAPPED.host, false, `Bob lies: ${bobLies}`);
  }
});

Deno.test("a router makes no member dial another machine than the one that asks", () => {
  // By a link of Ann's, or of Bob's, who has dialled her.
  for (const bobDials of [false, true]) {
    const home = new Home();
    if (bobDials) {
      home.world.start(home.ann, { kind: "found" });
      home.world.network.listen(MAPPED, home.ann.process!);
      home.pass(1);
      home.world.start(home.bob, { kind: "join", contact: MAPPED });
      home.pass(5);
    } else {
      home.annComesIn();
      home.world.network.listen(MAPPED, home.ann.process!);
    }
    const victim = { host: "198.51.100.200", port: MAPPED.port };
    home.dialled.length = 0;
    home.map(victim, false);
    home.pass(300);

    assertEquals(home.dialled.filter(({ host }) => host === victim.host), []);
    assertEquals(home.ann.process!.proven, []);
  }
});

Deno.test("a mapped address that is over is announced no more, and another one needs its own proof", () => {
  const home = new Home();
  home.annComesIn();
  const before = home.announced;
  home.map(MAPPED, true);
  home.pass(5);
  home.map(null, true);
  home.pass(5);
  assertEquals(home.announced, before);

  home.pass(60); // one dial a minute
  const other = { ...MAPPED, port: 4_000 };
  home.map(other, false);
  home.pass(30);
  assertEquals(home.ann.process!.proven, [MAPPED]);
  home.map(other, true);
  home.pass(130);
  assertEquals(home.ann.process!.proven, [MAPPED, other]);
});

Deno.test("somebody on the same network proves nothing of a mapped address", () => {
  const home = new Home();
  const eve = home.world.add("Eve"); // at a private address
  home.world.start(home.ann, { kind: "found" });
  home.world.network.listen(home.ann.endpoint, home.ann.process!);
  home.world.network.listen(MAPPED, home.ann.process!);
  home.pass(1);
  home.map(MAPPED, true);
  home.world.start(eve, { kind: "join", contact: MAPPED });
  home.pass(120);

  assertEquals(eve.present !== null, true);
  assertEquals(home.ann.process!.proven, []);
});
