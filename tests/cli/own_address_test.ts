import { assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { addressOfThisMachine, endpointForOthers } from "../../lib/cli/own_address.ts";

Deno.test("endpointForOthers: what is to be told goes before where it listens", () => {
  const host = "10.0.0.1";
  const told = (advertise: { readonly host: string; readonly port: number | null } | null) =>
    endpointForOthers({ host, advertise }, 5_000);
  assertEquals(told(null), { host, port: 5_000 });
  assertEquals(told({ host: "chat.example", port: null }), { host: "chat.example", port: 5_000 });
  assertEquals(told({ host: "chat.example", port: 80 }), { host: "chat.example", port: 80 });
});

Deno.test("addressOfThisMachine: that too many files are open to ask for it is said, with what to do", () => {
  const error = assertThrows(
    () =>
      addressOfThisMachine(() => {
        throw Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
      }),
    P2pchatError,
    "Cannot find out this machine's address: Too many open files; raise the limit of this program (ulimit -n)",
  );
  assertEquals(error.code, "unreachable");
});
