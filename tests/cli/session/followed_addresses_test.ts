import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { FollowedAddresses } from "../../../lib/cli/session/followed_addresses.ts";

/** A machine whose addresses a test changes. */
function machine(address: string) {
  const told: (readonly string[])[] = [];
  const present = { address, outward: null as string | null, fails: false };
  const followed = new FollowedAddresses({
    changed: (hosts, best) => void told.push([...hosts, `best ${best}`]),
    log: SILENT_LOGGER,
    interfaces: () => {
      if (present.fails) {
        throw Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
      }
      return ["127.0.0.1", ...present.address.split(" ")].map((address) => ({
        ...{ name: "eth0", address, family: "IPv4", netmask: "" },
        ...{ scopeid: null, cidr: "", mac: "" },
      }));
    },
    outward: () => Promise.resolve(present.outward),
  });
  const look = async (times: number) => {
    for (let time = 0; time < times; time++) await followed.look();
    return told.splice(0);
  };
  return { present, followed, look };
}

Deno.test("FollowedAddresses tells of addresses that two looks have found, and again once they have changed", async () => {
  const { present, look } = machine("10.0.0.1");
  assertEquals(await look(1), []);
  assertEquals(await look(3), [["127.0.0.1", "10.0.0.1", "best 10.0.0.1"]]);

  present.address = "10.0.0.8";
  assertEquals(await look(1), []);
  present.address = "10.0.0.8 10.0.0.9";
  present.outward = "10.0.0.9";
  assertEquals(await look(1), []);
  assertEquals(await look(2), [["127.0.0.1", "10.0.0.8", "10.0.0.9", "best 10.0.0.9"]]);
  present.address = "10.0.0.9 10.0.0.8";
  assertEquals(await look(3), [], "the order says nothing");
});

Deno.test("FollowedAddresses that can't look goes on later, and tells nothing once it was stopped", async () => {
  const { present, followed, look } = machine("10.0.0.1");
  present.fails = true;
  assertEquals(await look(2), []);
  present.fails = false;
  assertEquals((await look(2)).length, 1);

  present.address = "10.0.0.2";
  assertEquals(await look(1), []);
  const looking = followed.look();
  followed.stop();
  await looking;
  assertEquals(await look(0), []);
});
