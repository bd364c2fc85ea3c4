/** Opens the engine that the command line names. */

import { P2pchatError } from "../../base/errors.ts";
import { EngineAccounts } from "../../engine/engine_accounts.ts";
import type { EngineAddress } from "../../engine/engine_address.ts";
import { EtcdStore } from "../../engine/etcd/etcd_store.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { secureRandom } from "../session/mode_session.ts";
import { passwordIn } from "../credentials/password_source.ts";
import { unreadable } from "../credentials/secret_file.ts";
import { randomBytes } from "../session/random_bytes.ts";
import type { EngineOptions } from "./engine_flags.ts";

/**
 * The proxies of the environment, through which `fetch` would go: to the machines of an operator's own cluster nobody means
 * to go through one.
 */
const PROXY_VARIABLES = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "http_proxy",
  "https_proxy",
  "all_proxy",
];

/**
 * @param address What `options` say of it.
 * @param notice Shows a notice.
 * @throws {P2pchatError} `bad-file` for a certificate, key or password that can't be read; `usage` for nodes of several
 *   clusters.
 */
export async function openEngine(
  address: EngineAddress,
  options: EngineOptions,
  notice: (text: string) => Promise<void>,
): Promise<EtcdStore> {
  for (const name of PROXY_VARIABLES) Deno.env.delete(name);
  const client = address.isSecure ? { client: await secureClient(options) } : {};
  const { nodes } = address;
  const user = await userOf(options, notice);
  const clock = SYSTEM_LINK_CLOCK;
  const store = new EtcdStore({ nodes, user, ...client, clock, random: secureRandom });
  await store.compareNodes();
  return store;
}

async function userOf(
  { engineUser, enginePasswordFile }: EngineOptions,
  notice: (text: string) => Promise<void>,
): Promise<{ readonly name: string; readonly password: string } | null> {
  if (engineUser === null || enginePasswordFile === null) return null;
  return { name: engineUser, password: await passwordIn(enginePasswordFile, notice) };
}

/** @throws {P2pchatError} `bad-file`. */
async function secureClient(
  { engineCa, engineCert, engineKey }: EngineOptions,
): Promise<Deno.HttpClient> {
  const text = async (path: string) => {
    try {
      return await Deno.readTextFile(path);
    } catch (cause) {
      throw unreadable(`Cannot use ${path} for the engine`, cause);
    }
  };
  const ca = engineCa === null ? {} : { caCerts: [await text(engineCa)] };
  if (engineCert === null || engineKey === null) return Deno.createHttpClient(ca);
  const own = { cert: await text(engineCert), key: await text(engineKey) };
  try {
    return Deno.createHttpClient({ ...ca, ...own });
  } catch (cause) {
    throw new P2pchatError(
      "bad-file",
      `Cannot use ${engineCert} and ${engineKey} for the engine: they aren't a certificate and its key in PEM`,
      { cause },
    );
  }
}

/** The accounts of the directory in that engine. @throws {P2pchatError} As `openEngine`. */
export async function openEngineAccounts(
  address: EngineAddress,
  options: EngineOptions,
  notice: (text: string) => Promise<void>,
): Promise<EngineAccounts> {
  return new EngineAccounts({
    store: await openEngine(address, options, notice),
    prefix: address.prefix,
    writer: randomBytes(16).toHex(),
    nowMs: SYSTEM_LINK_CLOCK.nowMs,
  });
}
