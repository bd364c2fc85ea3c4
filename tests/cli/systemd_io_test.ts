import { assert, assertEquals } from "@std/assert";
import { EXIT_STATUS_BY_CODE } from "../../lib/base/errors.ts";
import { parseCommandLine } from "../../lib/cli/args/arguments.ts";
import { COMMANDS } from "../../lib/cli/program.ts";

const units = new URL("../../systemd/", import.meta.url);

for (const mode of ["serve", "regserver", "mesh"]) {
  Deno.test(`the unit of ${mode} starts it with flags that it knows, in a folder that it is given`, async () => {
    const text = await Deno.readTextFile(new URL(`p2pchat-${mode}.service`, units));
    const setting = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1];
    const [program, ...args] = setting("ExecStart")!.split(" ");

    const request = parseCommandLine(args, COMMANDS, () => undefined);

    assertEquals(program, "/usr/local/bin/p2pchat");
    assertEquals(args[0], mode);
    assertEquals(request.type, "run");
    assertEquals(args[args.indexOf("--data") + 1], `/var/lib/${setting("StateDirectory")}`);
    assertEquals(setting("Sockets"), `p2pchat-${mode}.socket`);
  });

  Deno.test(`the unit of ${mode} starts it again after a full disk, and not for ever`, async () => {
    const text = await Deno.readTextFile(new URL(`p2pchat-${mode}.service`, units));
    const setting = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1];

    assertEquals(setting("Restart"), "on-failure");
    const never = setting("RestartPreventExitStatus")!.split(" ").map(Number);
    assertEquals(never.includes(EXIT_STATUS_BY_CODE.disk), false);
    assertEquals(never, [EXIT_STATUS_BY_CODE.usage, EXIT_STATUS_BY_CODE["in-use"]]);
    // As many starts as that take less than the interval, however short the pauses between them are.
    assertEquals(setting("StartLimitIntervalSec"), "1d");
    const pauseS = Number(setting("RestartMaxDelaySec"));
    assert(Number(setting("StartLimitBurst")) * pauseS < 24 * 60 * 60);
  });

  Deno.test(`the unit of ${mode} shuts out hang-ups, by which its service would stay down`, async () => {
    const text = await Deno.readTextFile(new URL(`p2pchat-${mode}.service`, units));

    assertEquals(/^Environment=(P2PCHAT_HANGUP=.*)$/m.exec(text)?.[1], "P2PCHAT_HANGUP=ignored");
  });
}
