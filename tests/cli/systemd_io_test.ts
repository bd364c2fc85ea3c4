import { assertEquals } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/arguments.ts";
import { COMMANDS } from "../../lib/cli/program.ts";

const units = new URL("../../systemd/", import.meta.url);

for (const mode of ["serve", "regserver"]) {
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
}
