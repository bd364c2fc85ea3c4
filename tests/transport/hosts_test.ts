import { assertEquals } from "@std/assert";
import { isAddress } from "../../lib/base/text/endpoints.ts";
import { addressGroup, HostSet } from "../../lib/transport/hosts.ts";

Deno.test("addressGroup() takes an IPv6 /64 for one address", () => {
  for (
    const [host, group] of [
      ["192.0.2.1", "192.0.2.1"],
      ["127.8.9.1", "loopback"],
      ["::1", "loopback"],
      ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
      ["2001:db8:1:2::9", "2001:db8:1:2"],
      ["2001:db8::9", "2001:db8:0:0"],
      ["::2", "0:0:0:0"],
      ["fe80::1", "fe80:0:0:0"],
    ] as const
  ) assertEquals(addressGroup(host), group);
});

Deno.test("isAddress() takes nothing for an address that would be looked up", () => {
  const hosts = [
    "192.0.2.1",
    "::1",
    "fe80::1%eth0",
    "192.0.2.400",
    "192.0.2",
    "localhost",
    "1.2.3.x",
  ];
  assertEquals(hosts.map(isAddress), [true, true, true, false, false, false, false]);
});

Deno.test("HostSet.has() knows addresses again however they were written, and no names", () => {
  const hosts = new HostSet([
    "192.0.2.1",
    "2001:DB8:0:7::0A",
    "::ffff:192.0.2.2",
    "bob.example",
    "127.0.0.1",
  ]);
  const seen = [
    "192.0.2.1",
    "192.0.2.2",
    "2001:db8:0:7::a",
    "2001:db8:0:7:1:2:3:4",
    "127.0.0.9",
    "::1",
  ];
  const others = ["192.0.2.3", "2001:db8:0:8::a", "bob.example"];

  assertEquals(seen.filter((host) => !hosts.has(host)), []);
  assertEquals(others.filter((host) => hosts.has(host)), []);
  hosts.set(["192.0.2.3"]);
  assertEquals([hosts.has("192.0.2.3"), hosts.has("192.0.2.1")], [true, false]);
});
