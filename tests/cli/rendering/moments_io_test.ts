import { assertEquals } from "@std/assert";
import { timeZoneProblem } from "../../../lib/cli/rendering/moments.ts";
import { canMount } from "../../e2e/small_disk.ts";

Deno.test("timeZoneProblem() tells of a zone that nobody knows, and of no other", () => {
  for (
    const zone of [
      "",
      "UTC",
      ":Europe/Berlin",
      "Etc/GMT+3",
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

Deno.test({
  name: "times are of the system's zone as it is, also once that has changed",
  ignore: !canMount(),
  async fn() {
    const moments = import.meta.resolve("../../../lib/cli/rendering/moments.ts");
    const code = `import { timeText, useTimeZone } from "${moments}"; useTimeZone("");
      const moved = (zone) => new Deno.Command("ln", {
        args: ["-sfn", "/usr/share/zoneinfo/" + zone, "/etc/localtime"],
      }).outputSync();
      for (const zone of ["Etc/GMT-3", "Etc/GMT+5", "Etc/GMT-3"]) {
        moved(zone);
        await new Promise((done) => setTimeout(done, 1_100)); // longer than it is kept
        console.log(timeText(0, false));
      }`;
    const script = 'mount -t tmpfs none /etc; exec "$0" eval "$1"';
    const { stdout } = await new Deno.Command("unshare", {
      args: ["-m", "sh", "-c", script, Deno.execPath(), code],
      env: { TZ: "", NO_COLOR: "1" },
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "03:00\n19:00\n03:00\n");
  },
});
