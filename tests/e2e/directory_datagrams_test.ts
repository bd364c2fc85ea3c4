/** Forged and replayed datagrams: nobody is sent anything meant for others, or told anything twice. */

import { assert, assertEquals } from "@std/assert";
import type { DatagramMessage } from "../../lib/protocols/directory/datagrams/datagram_path.ts";
import { CHALLENGE_BYTES, HERE_PADDING_BYTES } from "../../lib/protocols/sealed_datagram/limits.ts";
import { DirectoryProxy, DirectoryWorld, hears, is, session, tell } from "./directory_world.ts";
import { holds, type Node } from "./node.ts";
import { People } from "./people.ts";
import { sideBySide } from "./side_by_side.ts";

/** An address that only sends what a test forges, and counts what it receives. */
class Bystander implements AsyncDisposable {
  readonly #socket: Deno.DatagramConn;
  readonly #receiving: Promise<void>;
  broughtBytes = 0;
  receivedBytes = 0;
  /** Whether it had ever received more bytes than were sent from here. */
  isFlooded = false;

  constructor(readonly directory: number, hostname: string) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#receiving = this.#receive();
  }

  async #receive(): Promise<void> {
    for await (const [bytes] of this.#socket) {
      this.receivedBytes += bytes.length;
      this.isFlooded ||= this.receivedBytes > this.broughtBytes;
    }
  }

  /** Sends to the directory from this address. */
  async send(bytes: Uint8Array): Promise<void> {
    this.broughtBytes += bytes.length;
    const to = { transport: "udp", hostname: "127.0.0.1", port: this.directory } as const;
    await this.#socket.send(bytes, to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#receiving;
  }
}

/** A guest that sends broadcasts, and one behind a proxy whose address is proved by now. */
async function openPath(world: DirectoryWorld, proxy: DirectoryProxy): Promise<[Node, Node]> {
  const [alice, bob] = await Promise.all([
    world.guest("alice"),
    world.guest("bob", { registry: proxy.registry }),
  ]);
  await holds("his address is proved", async () => {
    assertEquals(await tell(alice, "is it?"), 1);
    return proxy.toClient.length > 1;
  });
  return [alice, bob];
}

sideBySide("directory", {
  "whoever's address is forged is sent no more bytes than came from it, and nothing that is told":
    async () => {
      const { world } = await DirectoryWorld.open([]);
      await using _ = world;
      await using people = new People(world.port);
      await using victim = new Bystander(world.port, "127.0.0.9");
      const alice = await world.guest("alice");
      const forger = await people.guest("forger");
      await holds("the forger has an address of its own", async () => {
        assertEquals(await tell(alice, "to its own"), 1);
        return forger.byDatagram > 0;
      });
      const forge = (message: DatagramMessage) => victim.send(forger.path!.seal(message));
      const ROUNDS = 10;
      // The shortest there are: shorter than the question whether it is there.
      for (let round = 0; round < ROUNDS; round++) {
        await forge({ type: "got", through: forger.through });
        assertEquals(await tell(alice, "x".repeat(800)), 1);
      }
      for (let round = 0; round < ROUNDS; round++) {
        await forge({ type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) });
        const challenge = crypto.getRandomValues(new Uint8Array(CHALLENGE_BYTES));
        await forge({ type: "proof", challenge });
        assertEquals(await tell(alice, "x".repeat(800)), 1);
      }
      await holds("it was asked whether it is there", () => victim.receivedBytes > 0);
      for (let round = 0; round < ROUNDS; round++) {
        assertEquals(await tell(alice, "y".repeat(800)), 1);
      }
      assert(!victim.isFlooded, `${victim.receivedBytes} for ${victim.broughtBytes} bytes`);
      assertEquals(forger.told.length, alice.events.filter(is("broadcast-sent")).length);
    },

  "what somebody on the way repeats is taken once, and leads nowhere else": async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    await using proxy = new DirectoryProxy(world.port);
    await using elsewhere = new Bystander(world.port, "127.0.0.1");
    const [alice, bob] = await openPath(world, proxy);
    const before = alice.events.filter(is("broadcast-sent")).length;
    const texts = Array.from({ length: 20 }, (_, at) => `number ${at}`);
    for (const text of texts) {
      const passed = proxy.toClient.length;
      assertEquals(await tell(alice, text), 1);
      await proxy.replay();
      for (const bytes of proxy.toDirectory) await elsewhere.send(bytes);
      assert(proxy.toClient.length > passed, "by datagram, as before");
    }
    const all = await hears(bob, before + texts.length);
    assertEquals(all.slice(before), texts.map((text) => `alice: ${text}`));
    assertEquals(elsewhere.receivedBytes, 0);
    assertEquals([alice, bob].flatMap(({ events }) => events.filter(session("down"))), []);
  },

  "whose datagrams come from another port is told all, once, and by datagrams again": async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    await using proxy = new DirectoryProxy(world.port);
    const [alice, bob] = await openPath(world, proxy);
    proxy.changePort();
    const passed = proxy.toClient.length;
    // What goes where he was is lost, and comes over TCP meanwhile.
    const texts = Array.from({ length: 3 }, (_, at) => `number ${at}`);
    for (const text of texts) assertEquals(await tell(alice, text), 1);
    await holds("his new address is proved", async () => {
      assertEquals(await tell(alice, "and now?"), 1);
      // One was the question whether he is there.
      return proxy.toClient.length > passed + 1;
    });
    const all = await hears(bob, alice.events.filter(is("broadcast-sent")).length);
    assertEquals(
      all.filter((text) => text !== "alice: is it?" && text !== "alice: and now?"),
      texts.map((text) => `alice: ${text}`),
    );
    assertEquals([alice, bob].flatMap(({ events }) => events.filter(session("down"))), []);
  },
});
