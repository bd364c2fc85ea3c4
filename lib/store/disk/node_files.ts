/**
 * Node's file calls, for what Deno's don't have: by descriptor, with flags, without an error. Loaded with the first
 * call: a start needs none of them, and they take 2.4 MB.
 */

import process from "node:process";

export function nodeFiles(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs"); // the runtime keeps it
}
