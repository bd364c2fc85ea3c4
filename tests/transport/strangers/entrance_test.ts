import { assertEquals } from "@std/assert";
import { Entrance } from "../../../lib/transport/strangers/admission_control.ts";

const FRIENDS = ["127.0.0.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"];
const STRANGER = "198.51.100.1";

/** Places whose strangers never finish their handshakes, two of them for all. */
function entrance() {
  const places = new Entrance<string>((host) => FRIENDS.includes(host), {
    strangersMax: 2,
    unfinishedMs: 500,
  });
  let last = -1;
  /** As many as have a place at once of those that come from there. */
  const comeFrom = (host: string, count: number, nowMs = 0) => {
    let came = 0;
    for (let at = 0; at < count; at++) {
      if (places.placeFor(host, nowMs).type !== "free") continue;
      places.add(`${host} ${++last}`, host, nowMs);
      came += 1;
    }
    return came;
  };
  return { places, comeFrom };
}

Deno.test("Entrance.placeFor(): strangers from elsewhere take no place of preferred hosts", () => {
  const { places, comeFrom } = entrance();

  assertEquals(comeFrom(STRANGER, 100), 2);
  assertEquals(comeFrom("192.0.2.1", 100), 4);
  assertEquals(comeFrom("192.0.2.2", 1), 1);
  places.remove("192.0.2.1 3");
  assertEquals([comeFrom(STRANGER, 1), comeFrom("192.0.2.1", 9)], [0, 1]);
});

Deno.test("Entrance.placeFor(): preferred hosts have places of all others too, and bounds, loopback as well", () => {
  const { comeFrom } = entrance();

  assertEquals(comeFrom("127.0.0.1", 100), 4 + 2);
  assertEquals(FRIENDS.slice(1).map((host) => comeFrom(host, 100)), [4, 4, 4, 0, 0]);
});

Deno.test("Entrance.placeFor(): who is preferred makes room for its own host at first", () => {
  const { places, comeFrom } = entrance();
  comeFrom(STRANGER, 2, 100);
  comeFrom("192.0.2.1", 4, 50);

  assertEquals(places.placeFor("192.0.2.1", 549), { type: "none", untilMs: 550 });
  const stranger = "192.0.2.1 2";
  assertEquals(places.placeFor("192.0.2.1", 600), { type: "instead of", stranger });
  places.remove(stranger);
  places.add("friend", "192.0.2.1", 600);
  assertEquals(places.placeFor(STRANGER, 600), {
    type: "instead of",
    stranger: `${STRANGER} 0`,
  });
});
