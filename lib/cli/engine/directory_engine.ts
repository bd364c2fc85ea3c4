/** Opens the engine that an instance of a directory shares with others, and waits for it where it doesn't answer. */

import { P2pchatError } from "../../base/errors.ts";
import { delay } from "../../engine/delay.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { EngineRegistrar } from "../../engine/directory/engine_registrar.ts";
import { EngineAccounts } from "../../engine/engine_accounts.ts";
import { broadcastsId } from "../../engine/directory/shared_broadcasts.ts";
import { joinInstances } from "../../engine/join_instances.ts";
import type { EngineAddress } from "../../engine/engine_address.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { STORE_ID_BYTES } from "../../protocols/directory/schema/limits.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { VERSION } from "../session/version.ts";
import type { EngineOptions } from "./engine_flags.ts";
import { EngineNodes } from "./engine_nodes.ts";
import { openEngine } from "./open_engine.ts";

/** When the user is told that the engine is waited for, ms: it elects a leader within 2 s. */
const TOLD_MS = 3_000;
/** Before a further attempt, each of which takes 10 s. */
const RETRY_MS = 1_000;

interface Joining {
  readonly key: Fingerprint;
  readonly keyFile: string;
  readonly clientsMax: number;
  /** The own instance's id, drawn at random. */
  readonly instance: string;
  notice(text: string): void;
  warn(text: string): void;
  /** The user has been told that the engine is waited for. */
  waits(): void;
}

/** What a directory has in an engine. */
interface DirectoryEngine {
  readonly accounts: EngineAccounts;
  readonly registrar: EngineRegistrar;
  /** Id of the numbering of broadcasts. */
  readonly store: string;
  readonly nodes: EngineNodes;
}

/**
 * Resolves when the engine has answered.
 * @throws {P2pchatError} As `openEngine` and `joinInstances`.
 */
export async function joinDirectoryEngine(
  engine: EngineAddress,
  options: EngineOptions,
  joining: Joining,
): Promise<DirectoryEngine> {
  const { notice, warn, instance, clientsMax } = joining;
  const store = await openEngine(engine, options, (text) => Promise.resolve(notice(text)));
  const { prefix } = engine;
  const accounts = new EngineAccounts({
    store,
    prefix,
    writer: instance,
    nowMs: SYSTEM_LINK_CLOCK.nowMs,
  });
  let told: string | null = null;
  /** Of each attempt once, where what is wrong has changed. */
  const tell = () => {
    const { trouble } = store.health;
    const text = `Waiting for the engine${trouble === null ? "" : `: ${trouble}`}`;
    if (text !== told) notice(text);
    if (told === null) joining.waits();
    told = text;
  };
  const waiting = SYSTEM_LINK_CLOCK.at(SYSTEM_LINK_CLOCK.nowMs() + TOLD_MS, tell);
  try {
    for (;;) {
      try {
        const { key, keyFile } = joining;
        await joinInstances(store, { what: "directory", prefix, key, keyFile });
        const id = await broadcastsId(store, prefix, randomBytes(STORE_ID_BYTES).toHex());
        await accounts.count();
        const registrar = await EngineRegistrar.open({
          ...{ store, accounts, clock: SYSTEM_LINK_CLOCK, wallMs: Date.now },
          ...{ prefix, instance, clientsMax, version: VERSION },
        });
        if (told !== null) notice("The engine answers");
        const nodes = new EngineNodes(store, { notice, warn });
        return { accounts, registrar, store: id, nodes };
      } catch (error) {
        if (!(error instanceof P2pchatError) || error.code !== "unreachable") throw error;
        tell();
      }
      await delay(SYSTEM_LINK_CLOCK, RETRY_MS);
    }
  } finally {
    waiting.cancel();
  }
}
