import { assertEquals } from "@std/assert";
import { EXCHANGE_MS } from "../../../lib/protocols/words/limits.ts";
import { HonestGuesser, IssuerWorld } from "./words_world.ts";

Deno.test("an issuer that doesn't prove to know the words gives no invite that counts", () => {
  const world = new IssuerWorld();
  const bob = new HonestGuesser(world, "Bob", world.issue());
  bob.turn();
  world.heard(bob.link, bob.sent.shift()!);
  const invite = world.said.get(bob.link)!.find((each) => each.type === "invite")!;

  bob.told({ ...invite, confirmation: new Uint8Array(64) });

  assertEquals(bob.outcome?.type === "failed" ? bob.outcome.reason : "", "bad-credentials");
});

Deno.test("an invite that was changed on the way doesn't count", () => {
  const world = new IssuerWorld();
  const bob = new HonestGuesser(world, "Bob", world.issue());
  bob.turn();
  world.heard(bob.link, bob.sent.shift()!);
  const invite = world.said.get(bob.link)!.find((each) => each.type === "invite")!;
  const sealed = new Uint8Array(invite.sealed);
  sealed[0]! ^= 1;

  bob.told({ ...invite, sealed });

  assertEquals(bob.outcome?.type === "failed" ? bob.outcome.reason : "", "bad-credentials");
});

Deno.test("an answer with the neutral element, or out of turn, ends it before anything is proven", () => {
  for (
    const message of [
      { type: "answer", share: new Uint8Array(32) },
      { type: "invite", confirmation: new Uint8Array(64), sealed: new Uint8Array(20) },
    ] as const
  ) {
    const world = new IssuerWorld();
    const bob = new HonestGuesser(world, "Bob", world.issue());

    bob.told(message);

    assertEquals(bob.outcome?.type === "failed" ? bob.outcome.reason : "", "protocol");
    assertEquals(bob.sent.map(({ type }) => type), ["guess"]);
  }
});

Deno.test("a silent issuer is given up in time", () => {
  const world = new IssuerWorld();
  const bob = new HonestGuesser(world, "Bob", "7-cross-clock");
  assertEquals(bob.guesser.nextDeadlineMs(), world.nowMs + EXCHANGE_MS);

  const effects = bob.guesser.step({ type: "tick" }, world.nowMs + EXCHANGE_MS);

  const text = "it did not answer in time";
  assertEquals(effects, [{ type: "failed", reason: "timeout", text }]);
  assertEquals(bob.guesser.nextDeadlineMs(), null);
});
