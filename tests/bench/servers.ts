/** Servers that are measured against: where they are, and when they listen. */

import { pause } from "./line_process.ts";

/** The path of a server, wherever Debian puts it, whatever PATH says; null where it isn't installed. */
export async function serverPath(name: string): Promise<string | null> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  for (const folder of [...folders, "/usr/sbin", "/usr/local/sbin"]) {
    const path = `${folder}/${name}`;
    if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  }
  return null;
}

/** Resolves when connections to the port are taken. */
export async function listens(port: number): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await pause(50);
    }
  }
}
