import { assertEquals } from "@std/assert";
import { endpointForOthers } from "../../lib/cli/own_address.ts";

Deno.test("endpointForOthers: what is to be told goes before where it listens", () => {
  const host = "10.0.0.1";
  const told = (advertise: { readonly host: string; readonly port: number | null } | null) =>
    endpointForOthers({ host, advertise }, 5_000);
  assertEquals(told(null), { host, port: 5_000 });
  assertEquals(told({ host: "chat.example", port: null }), { host: "chat.example", port: 5_000 });
  assertEquals(told({ host: "chat.example", port: 80 }), { host: "chat.example", port: 80 });
});
