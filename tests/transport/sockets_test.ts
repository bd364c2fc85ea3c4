import { assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { openAt, reasonOf } from "../../lib/transport/sockets.ts";

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
