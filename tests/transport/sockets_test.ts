import { assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import {
  addressGroup,
  HostSet,
  inboundMax,
  openAt,
  reasonOf,
} from "../../lib/transport/sockets.ts";
import { isAddress } from "../../lib/base/text/endpoints.ts";

Deno.test("reasonOf() says what users can do something about, not what the system calls it", () => {
  const { ConnectionRefused, NetworkUnreachable } = Deno.errors;
  const reasons = [
    [new ConnectionRefused("Connection refused (os error 111)"), "nobody listens there"],
    [
      new NetworkUnreachable("Network is unreachable (os error 101)"),
      "this machine has no network that leads there",
    ],
    [new Error("Something else (os error 1)"), "Something else"],
  ] as const;
  for (const [error, reason] of reasons) assertEquals(reasonOf(error), reason);
});

Deno.test("openAt() doesn't send to another port or address where too many files are open", () => {
  for (const host of [null, "127.0.0.1"]) {
    const open = () => {
      throw Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
    };
    const error = assertThrows(() => openAt(host, "port", 6000, open), P2pchatError);
    assertEquals(error.code, "unreachable");
    assertEquals(
      error.message.replace("127.0.0.1, ", ""),
      "Cannot listen at port 6000: Too many open files; raise the limit of this program (ulimit -n)",
    );
  }
});

/** A system with these addresses at its port 6000 in use. */
function system(isOneForBoth: boolean, ...used: readonly string[]) {
  const opened: string[] = [];
  const open = (hostname: string, port: number) => {
    const isTaken = opened.includes(hostname) || used.includes(hostname) ||
      (hostname === "0.0.0.0" && isOneForBoth && opened.includes("::"));
    if (isTaken) throw new Deno.errors.AddrInUse();
    opened.push(hostname);
    const addr = { transport: "tcp", hostname, port: port === 0 ? 6_000 : port } as const;
    return { addr, close() {} };
  };
  const at = (host: string | null, port = 6_000) =>
    openAt(host, "port", port, open).map(({ addr }) => `${addr.hostname} ${addr.port}`);
  return at;
}

Deno.test("openAt() opens both families, by one socket or by two at one port", () => {
  assertEquals(system(true)(null), [":: 6000"]);
  assertEquals(system(false)(null, 0), [":: 6000", "0.0.0.0 6000"]);
  assertEquals(system(false)("::"), [":: 6000"]);
  const error = assertThrows(() => system(true, "::")(null), P2pchatError);
  assertEquals(error.code, "port-in-use");
});

Deno.test("inboundMax() leaves some open files to the program itself", () => {
  assertEquals(["20000", "1024", "256", "100", "1"].map(inboundMax), [19_936, 960, 192, 50, 1]);
});

Deno.test("inboundMax() bounds nothing where no limit is known", () => {
  const unknown = [undefined, "", "unlimited", "-1", "a lot"];
  assertEquals(unknown.map(inboundMax), unknown.map(() => Infinity));
});

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
