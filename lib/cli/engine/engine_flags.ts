/** The flags that name an engine, of all commands that may use one. */

import { P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";
import { type EngineAddress, parseEngineAddress } from "../../engine/engine_address.ts";
import { type CommandLine } from "../args/options.ts";
import { fileName, type Flags, type OptionsOf, optionsOf } from "../args/flags.ts";

const file = { value: "FILE", parse: fileName, use: "read" } as const;

const flags = {
  engine: {
    name: "engine",
    value: "etcd://HOST:PORT[,...][/PREFIX]",
    help: "keep it in that engine, shared by several machines; etcds:// over TLS",
    parse: engineAddress,
  },
  engineCa: { ...file, name: "engine-ca", help: "certificates that the engine's is signed by" },
  engineCert: { ...file, name: "engine-cert", help: "this program's certificate for the engine" },
  engineKey: { ...file, name: "engine-key", help: "the key of that certificate" },
  engineUser: {
    name: "engine-user",
    value: "NAME",
    help: "the engine's user, with --engine-password-file",
    parse: (text: string) => text,
  },
  enginePasswordFile: {
    ...file,
    name: "engine-password-file",
    help: "that user's password is in this file",
  },
} satisfies Flags;

export const ENGINE_FLAGS = Object.values(flags);

export type EngineOptions = OptionsOf<typeof flags>;

/** @throws {P2pchatError} `usage` where one of these flags misses another. */
export function engineOptions(line: Pick<CommandLine, "value" | "isOn">): EngineOptions {
  const options = optionsOf(line, flags);
  const { engine, engineCert, engineKey, engineUser, enginePasswordFile, ...others } = options;
  const missing = (flag: string, other: string) =>
    new P2pchatError("usage", `--${flag} is given without --${other}, which belongs to it`);
  for (
    const [option, value] of Object.entries({
      engineCert,
      engineUser,
      enginePasswordFile,
      ...others,
    })
  ) {
    const { name } = flags[option as keyof typeof flags];
    if (value !== null && engine === null) throw missing(name, "engine");
  }
  if ((engineCert === null) !== (engineKey === null)) {
    throw engineCert === null
      ? missing("engine-key", "engine-cert")
      : missing("engine-cert", "engine-key");
  }
  if ((engineUser === null) !== (enginePasswordFile === null)) {
    throw engineUser === null
      ? missing("engine-password-file", "engine-user")
      : missing("engine-user", "engine-password-file");
  }
  if (engine?.isSecure === false && (others.engineCa ?? engineCert) !== null) {
    throw new P2pchatError("usage", "Certificates belong to an engine over TLS: write etcds://");
  }
  return options;
}

function engineAddress(text: string, what: string): EngineAddress {
  const address = parseEngineAddress(text);
  if (typeof address !== "string") return address;
  // A password may stand before an @.
  const not = text.includes("@") ? "" : `, not ${quotedStart(text)}`;
  throw new P2pchatError(
    "usage",
    `${what} must be etcd://HOST:PORT[,HOST:PORT...][/PREFIX]${not}: ${address}`,
  );
}
