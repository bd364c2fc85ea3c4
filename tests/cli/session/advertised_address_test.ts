import { assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  addressOfThisMachine,
  endpointForOthers,
} from "../../../lib/cli/session/advertised_address.ts";

Deno.test("endpointForOthers: what is to be told goes before where it listens", () => {
  const host = "10.0.0.1";
  const told = (advertise: { readonly host: string; readonly port: number | null } | null) =>
    endpointForOthers({ host, advertise }, 5_000, null);
  assertEquals(told(null), { host, port: 5_000 });
  assertEquals(told({ host: "chat.example", port: null }), { host: "chat.example", port: 5_000 });
  assertEquals(told({ host: "chat.example", port: 80 }), { host: "chat.example", port: 80 });
});

Deno.test("addressOfThisMachine: that too many files are open to ask for it is said, with what to do", () => {
  const error = assertThrows(
    () =>
      addressOfThisMachine(null, () => {
        throw Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
      }),
    P2pchatError,
    "Cannot find out this machine's address: Too many open files; raise the limit of this program (ulimit -n)",
  );
  assertEquals(error.code, "unreachable");
});

/** What the system says of interfaces with these names and addresses. */
function listing(...all: readonly string[]): () => Deno.NetworkInterfaceInfo[] {
  return () =>
    all.map((each) => {
      const [name, address] = each.split(" ") as [string, string];
      const family = address.includes(":") ? "IPv6" : "IPv4";
      return { name, address, family, netmask: "", scopeid: null, cidr: "", mac: "" };
    });
}

const LO = ["lo 127.0.0.1", "lo ::1"];

Deno.test("addressOfThisMachine: the interface with the default route, whatever comes first", () => {
  const interfaces = listing(...LO, "eth0 10.1.0.2", "tun0 10.8.0.2", "eth0 fe80::1");
  assertEquals(addressOfThisMachine("10.8.0.2", interfaces), "10.8.0.2");
  assertEquals(addressOfThisMachine("10.9.9.9", interfaces), "10.1.0.2", "nobody has that one");
  const ipv6 = listing(...LO, "eth0 fd00:1::bad", "eth0 fd00::1:2:3:4", "eth0 fd00::9:8:7:6");
  assertEquals(addressOfThisMachine("fd00::1:2:3:4", ipv6), "fd00::9:8:7:6");
});

Deno.test("addressOfThisMachine: where nothing has a route, an interface that is up, and no bridge within", () => {
  const tables = [
    // The first is down, or without a carrier: it has no address for its own link.
    ["10.2.0.2", "eth0 10.1.0.2", "wlan0 10.2.0.2", "wlan0 fe80::2"],
    ["10.2.0.2", "virbr0 192.168.122.1", "virbr0 fe80::3", "wlan0 10.2.0.2", "wlan0 fe80::2"],
    ["10.2.0.2", "wg0 10.7.0.2", "wlan0 10.2.0.2", "wlan0 fe80::2"],
    ["10.7.0.2", "docker0 172.17.0.1", "wg0 10.7.0.2"],
    ["10.1.0.2", "eth0 10.1.0.2", "wlan0 10.2.0.2"], // IPv6 is off
    ["fd00::2", "eth0 fd00::2", "eth0 fe80::1"],
    // Temporary ones come first, and what somebody has chosen, or the interface has of itself, lasts.
    ["fd00::9:8:7:6", "eth0 fd00::1:2:3:4", "eth0 fd00::5:6:7:8", "eth0 fd00::9:8:7:6"],
    ["fd00::2", "eth0 fd00::1:2:3:4", "eth0 fd00::2", "eth0 fd00::9:8:7:6"],
    ["fd00::7:ff:fe01:2", "eth0 fd00::1:2:3:4", "eth0 fd00::7:ff:fe01:2"],
    ["10.1.0.2", "eth0 fd00::2", "eth0 10.1.0.2", "eth0 fe80::1"],
    ["10.1.0.2", "eth0 169.254.7.7", "eth1 10.1.0.2"],
    ["169.254.7.7", "eth0 169.254.7.7", "eth0 fe80::1"],
    ["127.0.0.1", "eth0 fe80::1", "docker0 172.17.0.1"],
    ["127.0.0.1"],
  ];
  for (const [expected, ...interfaces] of tables) {
    const found = addressOfThisMachine(null, listing(...LO, ...interfaces));
    assertEquals(found, expected, interfaces.join(", "));
  }
});
