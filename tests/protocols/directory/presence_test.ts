import { assert, assertEquals } from "@std/assert";
import type { LinkId } from "../../../lib/base/ids.ts";
import { ClientLink } from "../../../lib/protocols/directory/client_link.ts";
import { Client, Sessions } from "../../../lib/protocols/directory/client_session.ts";
import { DatagramPath } from "../../../lib/protocols/directory/datagram_path.ts";
import { PRESENCE_MS } from "../../../lib/protocols/directory/limits.ts";
import { Output } from "../../../lib/protocols/directory/output.ts";
import { Presence } from "../../../lib/protocols/directory/presence.ts";
import { ProvenAddress } from "../../../lib/protocols/directory/proven_address.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { Exchange } from "./exchange.ts";

Deno.test("Directory: whoever comes, goes or talks is seen by all at once, and many changes together", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  exchange.pass(1_000);
  const before = exchange.sends;
  exchange.guest("bob");
  assertEquals(ann.sees, "ann free, bob free", "at once");
  for (let each = 0; each < 10; each++) exchange.guest(`n${each}`);
  assertEquals(ann.list.size, 2);
  exchange.pass(PRESENCE_MS);
  assertEquals(ann.list.size, 12);
  // 11 times `entered`; a change to Ann and the list to Bob; changes to both and the list to the others.
  assertEquals(exchange.sends - before, 11 + 2 + 2);
});

Deno.test("Directory: who comes and goes unseen is no news", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  exchange.pass(1_000);
  exchange.guest("bob");
  const presences = () => ann.got.filter(({ type }) => type === "presence").length;
  const before = presences();
  const cem = exchange.guest("cem");
  cem.goesDown(true);
  exchange.pass(1_000);
  assertEquals([ann.sees, presences() - before], ["ann free, bob free", 1]);
});

Deno.test("Directory: a list of thousands comes in pages, the first and the last of which say so", () => {
  const exchange = new Exchange({ clientsMax: 3_000 });
  for (let each = 0; each < 250; each++) exchange.guest(`n${each}`);
  exchange.pass(100);
  const ann = exchange.guest("ann");
  const pages = ann.got.flatMap((message) => message.type === "users" ? [message] : []);
  assertEquals(pages.map(({ users, isFirst, isLast }) => [users.length, isFirst, isLast]), [
    [100, true, false],
    [100, false, false],
    [51, false, true],
  ]);
});

Deno.test("Directory: a thousand who come at once, and go, cost messages in proportion to time, not to pairs", () => {
  const exchange = new Exchange();
  const many = Array.from({ length: 1_000 }, (_, each) => exchange.somebody(`n${each}`));
  const started = exchange.sends;
  for (const somebody of many) {
    somebody.enters();
    exchange.pass(1);
  }
  exchange.pass(100);
  const flushes = 1_100 / PRESENCE_MS;
  const told = exchange.sends - started - 1_000;
  // Each flush: some pages of changes, and the list for those who are new.
  assert(told < flushes * (2 + 10), `${told} messages`);
  assert(many.every(({ list }) => list.size === 1_000));

  const leaving = exchange.sends;
  for (const somebody of many.slice(1)) somebody.goesDown(true);
  exchange.pass(100);
  assert(exchange.sends - leaving <= 12, `${exchange.sends - leaving} messages`);
  assertEquals(many[0]!.sees, "n0 free");
});

/** A client that is in the list, and no more. */
function clientOf(name: string, id: number): Client {
  const link = new ClientLink(id as LinkId, fakeSigner(name).key, "10.0.0.2");
  const path = new DatagramPath(id, new Uint8Array(32), new Uint8Array(32));
  const address = new ProvenAddress(path, (length) => new Uint8Array(length));
  const facts = { name, isGuest: true, port: 0, address, sinceMs: 0 };
  return new Client(link, facts, { had: 0, before: 0 });
}

Deno.test("Presence: changes that all were told are forgotten, also while one is slow", () => {
  const out = new Output();
  const sessions = new Sessions();
  const presence = new Presence(sessions, out);
  const [fast, slow] = [clientOf("fast", 1), clientOf("slow", 2)];
  for (const client of [fast, slow]) sessions.add(client);
  presence.flush();
  slow.isCongested = true;
  presence.tellAll(slow);
  for (let each = 1; each <= 100; each++) {
    out.begin(each * 100);
    presence.changed(clientOf(`n${each}`, 2 + each));
    presence.flush();
    assertEquals(presence.size, 0);
    const links = out.take().flatMap((effect) => effect.type === "send" ? effect.links : []);
    assertEquals(links, [fast.link.id]);
  }
});
