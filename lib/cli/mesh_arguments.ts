/** The command line of `p2pchat mesh`. */

import { parseName } from "../base/names.ts";
import { type CommandLine, type ProgramCommand, wrongWords } from "./arguments.ts";
import { endpoint, host, hostAndMaybePort, listenPort, wholeNumber } from "./flags.ts";
import type { AdvertisedAddress, MeshOptions } from "./options.ts";

/** How many earlier messages are shown on joining where nothing else is said: a screen or two. */
const HISTORY_COUNT_DEFAULT = 100;
/** As many as members keep. */
const HISTORY_COUNT_MAX = 10_000;

const words = {
  name: "mesh",
  form: "NAME [HOST PORT]",
  example: "p2pchat mesh Bob localhost 55107",
};

export const meshProgramCommand: ProgramCommand = {
  ...words,
  help: "a room without any server: found it, or join it through any member at HOST PORT",
  flags: [
    { name: "host", value: "ADDR", help: "listen at this address (all)", parse: host },
    { name: "port", value: "N", help: "listen at this port (55107)", parse: listenPort },
    {
      name: "advertise",
      value: "HOST[:PORT]",
      help: "address that others should use",
      parse: hostAndMaybePort,
    },
    {
      name: "history",
      value: "N",
      help: `earlier messages to show on joining (${HISTORY_COUNT_DEFAULT})`,
      parse: wholeNumber(0, HISTORY_COUNT_MAX),
    },
    { name: "new", help: "found another room instead of going back to the last one" },
    { name: "passive", help: "relay little: keep few links, and dial only" },
  ],
  prepare(line) {
    const options = meshOptions(line);
    return async () => {
      const { runMesh } = await import("./mesh.ts");
      await runMesh(options);
    };
  },
};

/**
 * What was asked of `mesh`.
 * @throws {P2pchatError} `usage` or `bad-name`.
 */
export function meshOptions(line: CommandLine): MeshOptions {
  const [name, hostText, portText, ...rest] = line.words;
  if (name === undefined || rest.length > 0) throw wrongWords(words);
  if (hostText !== undefined && portText === undefined) throw wrongWords(words);
  return {
    ...line.common,
    name: parseName(name),
    contact: hostText === undefined ? null : endpoint(hostText, portText!),
    host: line.value<string>("host") ?? null,
    port: line.value<number>("port") ?? null,
    advertise: line.value<AdvertisedAddress>("advertise") ?? null,
    historyCount: line.value<number>("history") ?? HISTORY_COUNT_DEFAULT,
    foundNew: line.isOn("new"),
    passive: line.isOn("passive"),
  };
}
