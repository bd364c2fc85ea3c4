import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { LocalHosts } from "../../../../lib/protocols/mesh/links/own_address.ts";

const [first, second, third] = [1, 2, 3] as [LinkId, LinkId, LinkId];

Deno.test("LocalHosts names another address once no link runs under the one before", () => {
  const hosts = new LocalHosts("10.0.0.1");
  hosts.linkUp(first, "10.0.0.1");
  hosts.linkUp(second, "10.0.0.9");
  assertEquals(hosts.moved(), null);

  hosts.linkDown(first);

  assertEquals([hosts.moved(), hosts.moved()], ["10.0.0.9", null]);
});

Deno.test("LocalHosts takes the address of the first link for its own where none was named", () => {
  const hosts = new LocalHosts(null);
  hosts.linkUp(first, "10.0.0.1");
  assertEquals(hosts.moved(), null);

  hosts.linkDown(first);
  assertEquals(hosts.moved(), null, "nothing is known of another one");
  hosts.linkUp(second, "10.0.0.9");
  assertEquals(hosts.moved(), "10.0.0.9");
});

Deno.test("LocalHosts names no address that others can't use", () => {
  const hosts = new LocalHosts("10.0.0.1");
  hosts.linkUp(first, "127.0.0.1");
  hosts.linkUp(second, "::1");
  hosts.linkUp(third, "");
  hosts.linkUp(4 as LinkId, "fe80::1%eth0");
  assertEquals(hosts.moved(), null);
});

Deno.test("LocalHosts names the best of the present addresses once the one before is none of them", () => {
  const hosts = new LocalHosts("10.0.0.1");
  hosts.linkUp(first, "10.0.0.1");
  assertEquals(hosts.lost(["127.0.0.1", "10.0.0.1", "10.0.0.9"], "10.0.0.9"), null);

  assertEquals(hosts.lost(["127.0.0.1", "10.0.0.9"], "10.0.0.9"), "10.0.0.9");

  assertEquals(hosts.lost(["127.0.0.1", "10.0.0.9"], "10.0.0.9"), null);
  // The link from before doesn't lead back while it lasts.
  assertEquals(hosts.moved(), null);
  hosts.linkUp(second, "10.0.0.9");
  assertEquals(hosts.moved(), null);
});

Deno.test("LocalHosts waits while there is no address of use, and prefers one that a link uses", () => {
  const hosts = new LocalHosts("10.0.0.1");
  hosts.linkUp(first, "10.8.0.1");
  hosts.linkUp(second, "10.0.0.1");
  for (const none of ["127.0.0.1", "169.254.7.7", "fe80::1"]) {
    assertEquals(hosts.lost([none], none), null, none);
  }
  assertEquals(hosts.lost(["10.0.0.9", "10.8.0.1"], "10.0.0.9"), "10.8.0.1");
});

Deno.test("LocalHosts that began without a network names the first address of use, and none while none was announced", () => {
  const hosts = new LocalHosts("127.0.0.1");
  assertEquals(hosts.lost(["127.0.0.1", "10.0.0.9"], "10.0.0.9"), "10.0.0.9");
  assertEquals(new LocalHosts(null).lost(["10.0.0.9"], "10.0.0.9"), null);
});
