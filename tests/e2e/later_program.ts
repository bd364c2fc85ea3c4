/**
 * The program as a later version of it may be, as far as others notice: it has a higher version, its entries in an engine
 * and its messages have fields that this version doesn't know, and it sends its clients messages of an unknown kind.
 */

import { message, text, trailing } from "../../lib/base/schema/schema.ts";
import { runProgram } from "../../lib/cli/program.ts";
import { EtcdStore } from "../../lib/engine/etcd/etcd_store.ts";
import type { Change } from "../../lib/engine/shared_store.ts";
import { DirectoryOutput } from "../../lib/protocols/directory/schema/directory_output.ts";
import {
  DIRECTORY_LANES,
  DIRECTORY_MESSAGES,
  type DirectoryMessage,
} from "../../lib/protocols/directory/schema/messages.ts";

const VERSION = "99.0.0";

// Before the codec is made of them: what runs a directory is imported once the command line is read.
const about = { from: "the directory", to: "a client", when: "", answer: "", lane: "control" };
const specs = DIRECTORY_MESSAGES as unknown as ReturnType<typeof message>[];
const later = { later: trailing(text(100), "") };
for (const [at, spec] of specs.entries()) {
  if (!["entered", "presence", "meet", "told"].includes(spec.name)) continue;
  specs[at] = message(spec.code, spec.name, spec.about, { ...spec.fields, ...later });
}
specs.push(message(5_999, "later", about as typeof specs[number]["about"], later));
Object.assign(DIRECTORY_LANES, { later: "control" });

const { sendAll } = DirectoryOutput.prototype;
DirectoryOutput.prototype.sendAll = function (links, said) {
  sendAll.call(this, links, Object.assign({}, said, { later: "more" }));
  const isTurn = said.type === "entered" || said.type === "meet";
  if (isTurn) {
    sendAll.call(this, links, { type: "later", later: "" } as unknown as DirectoryMessage);
  }
};

const { commit } = EtcdStore.prototype;
EtcdStore.prototype.commit = function (change: Change) {
  const puts = change.puts.map((put) => ({ ...put, value: extended(put.key, put.value) }));
  return commit.call(this, { ...change, puts });
};

/** The entry's line of JSON with another field; what isn't one stays. */
function extended(key: string, value: string): string {
  if (!value.startsWith("{")) return value;
  const version = key.includes("/instances/") ? { version: VERSION } : {};
  return JSON.stringify({ ...JSON.parse(value), ...version, later: { color: "blue" } });
}

Deno.exit(await runProgram(Deno.args));
