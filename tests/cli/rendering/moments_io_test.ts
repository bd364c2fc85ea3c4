import { assertEquals } from "@std/assert";
import { posixOffset, timeZoneProblem } from "../../../lib/cli/rendering/moments.ts";

const ZONES = [
  "CET-1CEST,M3.5.0,M10.5.0/3",
  "<+0530>-5:30",
  "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
  "AEST-10AEDT,M10.1.0,M4.1.0/3",
  "EST5EDT",
  "NZST-12:00:00NZDT-13:00:00,M10.1.0,M3.3.0",
  "IST-2IDT,M3.4.4/26,M10.5.0",
  "IRST-3:30IRDT,J80/0,J264/0",
  "XXX4YYY,59/2,300/3:30",
  "UTC0",
];

/** What `date` says at these seconds since 1970. */
async function dateSays(zone: string, seconds: readonly number[]): Promise<readonly string[]> {
  const input = seconds.map((each) => `@${each}\n`).join("");
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, input);
  const args = ["-f", file, "+%Y-%m-%dT%H:%M:%S"];
  const { stdout } = await new Deno.Command("date", { args, env: { TZ: zone } }).output();
  await Deno.remove(file);
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test({
  name: "posixOffset() gives the time that date gives, at every half hour of two years",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const from = Date.UTC(2023, 11, 30) / 1_000;
    const seconds = Array.from({ length: 2 * 366 * 48 }, (_, at) => from + at * 1_800);
    for (const zone of ZONES) {
      const offset = posixOffset(zone)!;
      const said = await dateSays(zone, seconds);
      const other = seconds.find((each, at) => {
        const timeMs = each * 1_000;
        return new Date(timeMs + offset(timeMs)).toISOString().slice(0, 19) !== said[at];
      });
      assertEquals([zone, other], [zone, undefined]);
    }
  },
});

Deno.test("posixOffset() leaves names of zones to the runtime, and what isn't POSIX", () => {
  const none = [
    "",
    "Europe/Berlin",
    "UTC",
    ":EST5EDT",
    "Etc/GMT+3",
    "CET-1CEST,M3.5.0",
    "A1",
    "CET-1CEST,M3.6.0,M1.1.0",
  ];
  for (const zone of none) assertEquals(posixOffset(zone), null, zone);
});

Deno.test("timeZoneProblem() tells of a zone that nobody knows, and of no other", () => {
  for (
    const zone of [
      "",
      "UTC",
      ":Europe/Berlin",
      "Etc/GMT+3",
      "<+0530>-5:30",
      "/usr/share/zoneinfo/UTC",
    ]
  ) {
    assertEquals(timeZoneProblem(zone), null, zone);
  }
  if (new Date().getTimezoneOffset() !== 0) return; // shown in the zone of this machine
  assertEquals(
    timeZoneProblem("Nonsense/Zone"),
    'The time zone in TZ, "Nonsense/Zone", isn\'t known here: times are shown in UTC; ' +
      "set TZ to a name such as Europe/Berlin",
  );
});
