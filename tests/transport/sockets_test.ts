import { assertEquals } from "@std/assert";
import { reasonOf } from "../../lib/transport/sockets.ts";

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
