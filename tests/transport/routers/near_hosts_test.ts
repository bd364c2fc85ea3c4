import { assertEquals } from "@std/assert";
import { isNear, likelyRouters } from "../../../lib/transport/routers/near_hosts.ts";

function of(address: string, netmask: string) {
  return { address, netmask, family: address.includes(":") ? "IPv6" : "IPv4" } as const;
}

Deno.test("likelyRouters() names the first and the last host of each network, but this one", () => {
  const interfaces = [
    of("127.0.0.1", "255.0.0.0"),
    of("192.168.1.5", "255.255.255.0"),
    of("10.1.2.3", "255.255.252.0"),
    of("172.16.0.1", "255.255.255.252"),
    of("198.51.100.9", "255.255.255.255"),
    of("fe80::1", "ffff:ffff:ffff:ffff::"),
  ];
  assertEquals(likelyRouters(interfaces), [
    "192.168.1.1",
    "192.168.1.254",
    "10.1.0.1",
    "10.1.3.254",
    "172.16.0.2",
  ]);
  assertEquals(likelyRouters([]), []);
  const containers = Array.from({ length: 20 }, (_, at) => of(`10.${at}.0.1`, "255.255.255.0"));
  const lan = of("192.168.1.5", "255.255.255.0");
  assertEquals(likelyRouters([...containers, lan]).slice(-2), ["192.168.1.1", "192.168.1.254"]);
});

Deno.test("isNear() takes hosts of this machine's own networks alone", () => {
  const interfaces = [of("192.168.1.5", "255.255.255.0"), of("203.0.113.9", "255.255.255.255")];
  const hosts = ["192.168.1.1", "192.168.2.1", "203.0.113.9", "8.8.8.8", "::1", "router", "1.2.3"];
  assertEquals(hosts.filter((host) => isNear(host, interfaces)), ["192.168.1.1"]);
});
