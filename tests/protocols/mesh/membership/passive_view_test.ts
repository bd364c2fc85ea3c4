import { assertEquals } from "@std/assert";
import { networkOf } from "../../../../lib/base/text/endpoints.ts";
import type { Contact } from "../../../../lib/protocols/mesh/schema/messages.ts";
import { PassiveView } from "../../../../lib/protocols/mesh/membership/passive_view.ts";
import { Random } from "../../../sim/random.ts";
import { keyOf } from "../overlay_network.ts";

function contactAt(index: number, host: string): Contact {
  return { key: keyOf(index), endpoint: { host, port: 55_107 } };
}
function at(host: string, from: number, count: number): readonly Contact[] {
  return Array.from({ length: count }, (_, index) => contactAt(from + index, host));
}
function keysOf(view: PassiveView): readonly string[] {
  return view.contacts.map(({ key }) => key);
}

Deno.test("addAll() takes two contacts of a public network, any number of private ones", () => {
  const view = new PassiveView(30, new Random(1).next);

  view.addAll([...at("203.0.113.5", 0, 2), contactAt(2, "203.0.113.200"), ...at("10.1.2.3", 3, 4)]);

  assertEquals(keysOf(view), [0, 1, 3, 4, 5, 6].map(keyOf));
});

Deno.test("addAll() displaces a quarter of a full view at most, what was sent in exchange first", () => {
  const view = new PassiveView(8, () => 0);
  view.addAll(at("127.0.0.1", 0, 8));

  view.addAll(at("127.0.0.1", 10, 8), null, [contactAt(7, "127.0.0.1")]);

  assertEquals(keysOf(view), [1, 2, 3, 4, 5, 6, 10, 11].map(keyOf));
});

Deno.test("networkOf() names the /24 or /48 of an address, a host's own name, nothing for private ones", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["203.0.113.77", "203.0.113"],
    ["::ffff:203.0.113.77", "203.0.113"],
    ["2001:db8:7::1", "2001:db8:7"],
    ["2001:0DB8:0007:1::1", "2001:db8:7"],
    ["2001:db8::1", "2001:db8:0"],
    ["2001::1", "2001:0:0"],
    ["Chat.Example.org", "chat.example.org"],
    ["127.0.0.1", null],
    ["localhost", null],
    ["192.168.1.20", null],
    ["172.31.0.1", null],
    ["fe80::1", null],
    ["fd00::1", null],
  ];

  const found = cases.map(([host]) => [host, networkOf(host)]);

  assertEquals(found, cases.map((pair) => [...pair]));
});
