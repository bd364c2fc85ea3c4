import { assertEquals } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { OwnPort, portError } from "../../../lib/cli/friends/own_port.ts";
import type { FriendsTable } from "../../../lib/cli/friends/table_follower.ts";
import { userInfoRows } from "../../../lib/store/users/user_info.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

/** Ports of one machine, by who listens there. */
class Machine {
  readonly clock = new VirtualClock();
  readonly #listening = new Map<number, unknown>();
  #free = 40_000;

  listenAt(who: unknown, port: number): number {
    const at = port === 0 ? this.#free++ : port;
    const by = this.#listening.get(at);
    if (by !== undefined && by !== who) throw new P2pchatError("port-in-use", "taken; --port");
    for (const [old, owner] of this.#listening) if (owner === who) this.#listening.delete(old);
    this.#listening.set(at, who);
    return at;
  }

  end(who: unknown): void {
    for (const [port, owner] of this.#listening) if (owner === who) this.#listening.delete(port);
  }
}

/** Somebody who listens, and what he is told. */
class Friend {
  readonly told: string[] = [];
  trouble: string | null = null;
  readonly #links;
  readonly port: OwnPort;

  constructor(readonly machine: Machine, readonly name: string, port: number, isFixed = false) {
    const links = {
      local: { host: "", port: machine.listenAt(this, port) },
      listenAt: (to: number) => {
        links.local = { host: "", port: machine.listenAt(this, to) };
      },
    };
    this.#links = links;
    this.port = new OwnPort({
      links,
      clock: machine.clock,
      file: "users.txt",
      isFixed,
      notice: (text) => this.told.push(text),
      failed: ({ code, message }) => this.told.push(`${code}: ${message}`),
      trouble: (text) => this.trouble = text,
    });
  }

  get listening(): number {
    return this.#links.local.port;
  }

  follow(table: string): void {
    const rows = userInfoRows("users.txt", utf8(table.replaceAll(", ", "\n")));
    const own = rows.find(({ name }) => name === this.name)!;
    this.port.follow({ rows, own } satisfies FriendsTable);
  }
}

const TAKEN =
  "Cannot listen at port 2: another program has it; end that program, or change the port of your " +
  "row in users.txt. It is tried again every 10 s; until then this program listens at 1";

Deno.test("OwnPort listens where the row says, from edit to edit", () => {
  const alice = new Friend(new Machine(), "alice", 1);
  alice.follow("alice a 1");
  alice.follow("alice a 2");

  assertEquals([alice.listening, alice.told], [2, ["Listening at 2 from now on"]]);
});

Deno.test("OwnPort tries a port that is taken again until it is free, and tells each once", () => {
  const machine = new Machine();
  const other = { name: "another program" };
  machine.listenAt(other, 2);
  const alice = new Friend(machine, "alice", 1);
  alice.follow("alice a 2");
  alice.follow("alice a 2, bob b 1");
  machine.clock.advance(60_000);
  const meanwhile = [alice.listening, alice.trouble];
  machine.end(other);
  machine.clock.advance(10_000);

  assertEquals(meanwhile, [1, TAKEN]);
  assertEquals([alice.listening, alice.trouble], [2, null]);
  assertEquals(alice.told, [`port-in-use: ${TAKEN}`, "Listening at 2 from now on"]);
  assertEquals(machine.clock.isIdle, true);
});

Deno.test("OwnPort gives up when the row says another port, and at the end", () => {
  const machine = new Machine();
  machine.listenAt("another program", 2);
  const alice = new Friend(machine, "alice", 1);
  alice.follow("alice a 2");
  alice.follow("alice a 1");
  const back = [alice.listening, alice.trouble, machine.clock.isIdle];
  alice.follow("alice a 2");
  alice.port.close();

  assertEquals(back, [1, null, true]);
  assertEquals(machine.clock.isIdle, true);
});

Deno.test("OwnPort: friends on one machine who swap their ports both get them", () => {
  for (const [host, also] of [["10.0.0.1", "10.0.0.1"], ["localhost", "127.0.0.1"]]) {
    const machine = new Machine();
    const alice = new Friend(machine, "alice", 1);
    const bob = new Friend(machine, "bob", 2);
    const table = `alice ${host} 2, bob ${also} 1`;
    alice.follow(table);
    machine.clock.advance(1_000);
    bob.follow(table);
    machine.clock.advance(10_000);

    assertEquals([alice.listening, bob.listening], [2, 1]);
    assertEquals([alice.trouble, bob.trouble], [null, null]);
  }
});

Deno.test("OwnPort stays where --port says, and tells once that friends dial the row's", () => {
  const alice = new Friend(new Machine(), "alice", 5, true);
  alice.follow("alice a 2");
  alice.follow("alice a 2, bob b 1");
  alice.follow("alice a 5");

  assertEquals([alice.listening, alice.trouble], [5, null]);
  assertEquals(alice.told, [
    "You listen at port 5, as --port says, and friends dial 2, the port of your row in users.txt: " +
    "leave out --port or change the row, unless calls to 2 are passed on to you",
  ]);
});

Deno.test("portError() leaves what isn't about a taken port", () => {
  const error = new P2pchatError("unreachable", "not allowed");
  assertEquals(portError(error, 1, "users.txt"), error);
});
