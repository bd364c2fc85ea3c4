/**
 * A file as `./p2pchat`, by the same `tools/launcher.sh`, whose two parts are a few KB: what the launcher does takes
 * milliseconds, not the seconds that the runtime takes to unpack and start.
 */

import { fileURLToPath } from "node:url";
import { copyProgram } from "./launched.ts";

const LAUNCHER = fileURLToPath(new URL("../../tools/launcher.sh", import.meta.url));
/** As in `tools/build.sh`. */
const HEAD_BYTES = 20_480;

/** Longer than any test cuts it. */
const FILLING = "# filling\n".repeat(400);
/** It is given what the runtime is given, and says what the program says. */
const RUNTIME = `#!/bin/sh\necho "p2pchat 0.0.0"\nexit\n${FILLING}`;
const PROGRAM = FILLING.replaceAll("#", "//");

/** Makes the file `path`. */
export async function makeSmallProgram(path: string): Promise<void> {
  const program = await packed(PROGRAM);
  const runtime = await packed(RUNTIME);
  const runtimeStart = HEAD_BYTES + 1 + program.bytes.length;
  const filled: Readonly<Record<string, string>> = {
    RUNTIME: `runtime-${runtime.digest}`,
    RUNTIME_START: String(runtimeStart),
    RUNTIME_BYTES: String(runtime.bytes.length),
    WHOLE_BYTES: String(runtimeStart - 1 + runtime.bytes.length),
    FLAGS: "",
    START: String(HEAD_BYTES + 1),
    BYTES: String(program.bytes.length),
  };
  // The same for all commands, but for its name.
  const launcher = (await Deno.readTextFile(LAUNCHER)).replaceAll(
    /@(?:(MESH|PEER|PROGRAM|REGSERVER|SERVE)_?)?([A-Z_]*)@/g,
    (_, name, field) => field === "" ? `${name.toLowerCase()}-${program.digest}` : filled[field]!,
  );
  const head = new Uint8Array(HEAD_BYTES);
  head.set(new TextEncoder().encode(launcher));
  const whole = new Blob([head, program.bytes, runtime.bytes]);
  await Deno.writeFile(`${path}.bytes`, whole.stream(), { mode: 0o755 });
  await copyProgram(`${path}.bytes`, path);
  await Deno.remove(`${path}.bytes`);
}

async function packed(
  text: string,
): Promise<{ readonly digest: string; readonly bytes: Uint8Array<ArrayBuffer> }> {
  const bytes = new TextEncoder().encode(text);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return {
    digest: hash.toHex().slice(0, 32),
    bytes: new Uint8Array(await new Response(stream).arrayBuffer()),
  };
}
