/**
 * As the built program, but at SIGUSR1 it tries what it has no business to do: to use the files that `P2PCHAT_PASSWORD`
 * lists (a JSON object of `read` and `write`), to start a program, to load native code, to read the environment. It
 * shows an event `pried` with what it could do.
 */

import { runProgram } from "../../../lib/cli/program.ts";

interface Tries {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

const tries: Tries = JSON.parse(Deno.env.get("P2PCHAT_PASSWORD") ?? "{}");

function could(what: () => unknown): boolean {
  try {
    what();
    return true;
  } catch (error) {
    // Anything else, such as that nothing is there, means that the right was there.
    return !(error instanceof Deno.errors.NotCapable);
  }
}

function pry(): readonly string[] {
  const others: Readonly<Record<string, () => unknown>> = {
    "start a program": () => new Deno.Command("true").outputSync(),
    "load native code": () => Deno.dlopen("libc.so.6", {}),
    "read the environment": () => Deno.env.toObject(),
    "read PATH": () => Deno.env.get("PATH"),
    "make a link": () => Deno.symlinkSync("/etc", `${tries.write[0]}.link`),
  };
  return [
    ...tries.read.filter((path) => could(() => Deno.readDirSync(path).next())).map((path) =>
      `read ${path}`
    ),
    ...tries.write.filter((path) => could(() => Deno.openSync(path, { append: true }).close())).map(
      (path) => `write ${path}`,
    ),
    ...Object.entries(others).filter(([, what]) => could(what)).map(([what]) => what),
  ];
}

Deno.addSignalListener("SIGUSR1", () => {
  const line = JSON.stringify({ event: "pried", open: pry() });
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
});

Deno.exit(await runProgram(Deno.args));
