import { assertEquals, assertRejects } from "@std/assert";
import {
  ADDRESSES_MAX,
  firstToConnect,
  NameLookups,
} from "../../../lib/transport/tcp/first_to_connect.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

/** A host whose addresses answer when the test says so. */
class Host {
  readonly clock = new VirtualClock();
  /** When each attempt was begun, in order. */
  readonly begun: string[] = [];
  readonly closed: string[] = [];
  /** Attempts that have ended. */
  ended = 0;
  outcome = "none yet";
  readonly #controller = new AbortController();
  readonly #attempts = new Map<string, PromiseWithResolvers<{ close(): void }>>();

  /** @param heeds Whether attempts that are aborted fail by that. */
  constructor(addresses: readonly string[], heeds = true) {
    const connecting = {
      connect: (address: string, signal: AbortSignal) => {
        this.begun.push(`${address} at ${this.clock.nowMs()}`);
        const attempt = Promise.withResolvers<{ close(): void }>();
        this.#attempts.set(address, attempt);
        if (heeds) signal.addEventListener("abort", () => attempt.reject(signal.reason));
        return attempt.promise;
      },
      begun: (attempt: Promise<void>) => void attempt.then(() => this.ended++),
    };
    firstToConnect(addresses, connecting, this.#controller.signal, this.clock).then(
      (conn) => {
        for (const [address, { promise }] of this.#attempts) {
          void promise.then((other) => other === conn && (this.outcome = address), () => {});
        }
      },
      (error) => this.outcome = error.message,
    );
  }

  async answers(address: string): Promise<void> {
    this.#attempts.get(address)!.resolve({ close: () => this.closed.push(address) });
    await this.settled();
  }

  async fails(address: string): Promise<void> {
    this.#attempts.get(address)!.reject(new Error(`no ${address}`));
    await this.settled();
  }

  async cancel(): Promise<void> {
    this.#controller.abort(new Error("cancelled"));
    await this.settled();
  }

  async settled(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("firstToConnect() takes the first address where it answers within a moment, and tries no other", async () => {
  const host = new Host(["a", "b"]);

  host.clock.advance(249);
  await host.answers("a");
  host.clock.advance(10_000);

  assertEquals([host.outcome, host.begun], ["a", ["a at 0"]]);
  assertEquals([host.clock.isIdle, host.ended], [true, 1]);
});

Deno.test("firstToConnect() tries the next 250 ms after the last, and the first to answer wins", async () => {
  const host = new Host(["a", "b", "c", "d"]);

  host.clock.advance(600);
  await host.answers("b");

  assertEquals([host.outcome, host.begun], ["b", ["a at 0", "b at 250", "c at 500"]]);
  assertEquals([host.clock.isIdle, host.ended, host.closed], [true, 3, []]);
});

Deno.test("firstToConnect() tries the next at once when the last one failed, and only then", async () => {
  const host = new Host(["a", "b", "c", "d"]);

  host.clock.advance(100);
  await host.fails("a");
  host.clock.advance(260);
  await host.fails("b");
  host.clock.advance(1);
  await host.fails("c");

  assertEquals(host.begun, ["a at 0", "b at 100", "c at 350", "d at 361"]);
  await host.answers("d");
  assertEquals([host.outcome, host.clock.isIdle, host.ended], ["d", true, 4]);
});

Deno.test("firstToConnect() fails when all have failed, as the last of them did", async () => {
  const host = new Host(["a", "b"]);

  host.clock.advance(250);
  await host.fails("b");
  assertEquals(host.outcome, "none yet");
  await host.fails("a");

  assertEquals([host.outcome, host.clock.isIdle, host.ended], ["no a", true, 2]);
});

Deno.test("firstToConnect() closes what connects after another did, or after it was cancelled", async () => {
  const host = new Host(["a", "b"], false);
  host.clock.advance(250);
  await host.answers("b");
  await host.answers("a");

  assertEquals([host.outcome, host.closed, host.ended], ["b", ["a"], 2]);

  const cancelled = new Host(["a", "b"], false);
  await cancelled.cancel();
  await cancelled.answers("a");

  assertEquals([cancelled.outcome, cancelled.closed, cancelled.ended], ["cancelled", ["a"], 1]);
});

Deno.test("firstToConnect() ends all attempts when it is cancelled, and begins no other", async () => {
  const host = new Host(["a", "b", "c"]);
  host.clock.advance(250);

  await host.cancel();

  assertEquals([host.outcome, host.clock.isIdle, host.ended], ["cancelled", true, 2]);
  host.clock.advance(10_000);
  assertEquals(host.begun.length, 2);
});

Deno.test("firstToConnect() tries so many addresses and no more, the families in turns", async () => {
  const ipv6 = Array.from({ length: 2 * ADDRESSES_MAX }, (_, n) => `2001:db8::${n}`);
  const ipv4 = ["192.0.2.1", "192.0.2.2"];
  const host = new Host([...ipv6, ...ipv4]);

  host.clock.advance(60_000);

  const tried = host.begun.map((attempt) => attempt.split(" ")[0]!);
  const turns = [ipv6[0], ipv4[0], ipv6[1], ipv4[1], ...ipv6.slice(2)];
  assertEquals(tried, turns.slice(0, ADDRESSES_MAX) as string[]);
  await host.cancel();
});

/** A name service that answers when the test says so. */
function service() {
  const asked: string[] = [];
  const open = new Map<string, PromiseWithResolvers<readonly string[]>>();
  const names = new NameLookups((name) => {
    asked.push(name);
    const answer = Promise.withResolvers<readonly string[]>();
    open.set(name, answer);
    return answer.promise;
  });
  /** Somebody asks; what came of it, in the end. */
  const ask = (name: string) => {
    const controller = new AbortController();
    const answer = names.find(name, controller.signal).then(
      (addresses) => addresses.join(),
      () => "given up",
    );
    return { answer, giveUp: () => controller.abort() };
  };
  const end = async (name: string) => {
    open.get(name)!.resolve([`address of ${name}`]);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { names, asked, ask, end };
}

Deno.test("NameLookups.find() asks for four names at once, the others in order", async () => {
  const { names, asked, ask, end } = service();
  const all = ["a", "b", "c", "d", "e", "f"].map(ask);

  assertEquals(asked, ["a", "b", "c", "d"]);
  assertEquals([names.isAsked("d"), names.isAsked("e")], [true, false]);
  await end("c");
  assertEquals(asked, ["a", "b", "c", "d", "e"]);
  assertEquals(await all[2]!.answer, "address of c");
});

Deno.test("NameLookups.find(): one lookup that was given up counts until it has ended", async () => {
  const { asked, ask, end } = service();
  const all = ["a", "b", "c", "d"].map(ask);
  for (const { giveUp } of all) giveUp();
  assertEquals(await Promise.all(all.map(({ answer }) => answer)), Array(4).fill("given up"));

  const next = ask("e");
  assertEquals(asked.length, 4);
  await end("b");
  assertEquals(asked.slice(4), ["e"]);
  await end("e");
  assertEquals(await next.answer, "address of e");
});

Deno.test("NameLookups.find(): who gives up while it waits is never asked for", async () => {
  const { asked, ask, end } = service();
  for (const name of ["a", "b", "c", "d"]) ask(name);
  const [fifth] = [ask("e"), ask("f")];
  fifth.giveUp();

  assertEquals(await fifth.answer, "given up");
  await end("a");
  assertEquals(asked.slice(4), ["f"]);
});

Deno.test("NameLookups.find() asks once for all who want the same name meanwhile", async () => {
  const { asked, ask, end } = service();
  const [first, second] = [ask("a"), ask("a")];
  first.giveUp();
  const third = ask("a");
  await end("a");

  assertEquals(asked, ["a"]);
  assertEquals(await Promise.all([first, second, third].map(({ answer }) => answer)), [
    "given up",
    "address of a",
    "address of a",
  ]);
  ask("a");
  assertEquals(asked, ["a", "a"]);
});

Deno.test("NameLookups.find(): names that were answered too late leave a turn to others", async () => {
  const { asked, ask, end } = service();
  const late = ["a", "b", "c", "d"];
  for (const name of late) {
    ask(name).giveUp();
    await end(name);
  }
  for (const name of late) ask(name);
  const other = ask("e");

  assertEquals(asked.slice(4), ["a", "b", "c", "e"]);
  await end("e");
  assertEquals(await other.answer, "address of e");
  await end("a");
  assertEquals(asked.slice(8), ["d"]);
});

Deno.test("NameLookups.find() throws what looking up threw, and goes on", async () => {
  const names = new NameLookups((name) => Promise.reject(new Error(`no ${name}`)));
  const { signal } = new AbortController();

  for (const name of ["a", "b", "c", "d", "e"]) {
    await assertRejects(() => names.find(name, signal), Error, `no ${name}`);
  }
});
