/** A directory and its clients, as programs: sealed links and datagrams in memory, virtual time, a disk each. */

import { assert } from "@std/assert";
import { type Fingerprint, fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { ModeOutcome } from "../../lib/base/machine/mode_machine.ts";
import { foldName } from "../../lib/base/text/names.ts";
import type { ClientConfig, Entry } from "../../lib/protocols/directory/schema/client_io.ts";
import type { ClientRecord } from "../../lib/protocols/directory/schema/client_records.ts";
import type { DirectoryConfig } from "../../lib/protocols/directory/schema/directory_io.ts";
import {
  type ClientCommand,
  type ClientEvent,
  DIRECTORY_NAME,
  type DirectoryEvent,
} from "../../lib/protocols/directory/schema/events.ts";
import type { KeptWords } from "../../lib/runtime/hosts/mode_host.ts";
import type { DirectoryRecord } from "../../lib/protocols/directory/schema/records.ts";
import type { ChannelConfig } from "../../lib/protocols/noise/config.ts";
import { keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import { DIRECTORY_CHANNEL } from "../../lib/protocols/directory/schema/limits.ts";
import {
  CALL_ACCESS,
  CALL_CHANNEL,
  DirectoryClientHost,
} from "../../lib/runtime/hosts/directory_client_host.ts";
import { DirectoryHost } from "../../lib/runtime/hosts/directory_host.ts";
import { MemoryAccounts } from "../doubles/memory_accounts.ts";
import { forwardTo, type LinkHandler, type Links } from "../../lib/transport/link.ts";
import { MemoryDatagramNetwork } from "../doubles/memory_datagrams.ts";
import { RelayNetwork } from "../../lib/transport/links/relay_network.ts";
import { HostWorld, MemoryStore, Reader } from "./host_world.ts";
import { CLIENT_ACCESS } from "./lean_client.ts";

export const DIRECTORY = { host: "127.0.0.1", port: 4_400 };
export const PASSWORD = "correct horse";
const PORT = 5_000;
export const DIRECTORY_SEED = 99;

/** A hash that takes no time. */
const HASHER = {
  hash: (password: string) => Promise.resolve(`hash of ${password}, ${++hashes}`),
  verify: (password: string, stored: string | null) =>
    Promise.resolve(stored?.startsWith(`hash of ${password},`) ?? false),
  needsRehash: () => false,
  waiting: 0,
};
let hashes = 0;

export interface DirectoryProgram {
  readonly host: DirectoryHost;
  readonly events: readonly DirectoryEvent[];
  readonly logged: readonly string[];
  readonly reader: Reader;
  readonly outcome: Promise<ModeOutcome>;
  /** Frees its ports. */
  close(): Promise<unknown>;
}

/** What a client's output, its disk and its user do. */
export interface Before {
  readonly ready?: () => Promise<void> | null;
  readonly entry?: Entry;
  /** When keys are remembered. */
  readonly pinned?: () => Promise<void>;
  readonly words?: KeptWords<ClientEvent>;
}

export class ClientProgram {
  readonly events: ClientEvent[] = [];
  /** By the scope and the folded name. */
  readonly pins = new Map<string, Fingerprint>();
  /** Of those that it was given, the last one is how it is now. */
  readonly paused: (string | null)[] = [];
  asked = 0;
  host!: DirectoryClientHost;
  links!: Links;
  /** What the log was told, without the fields. */
  logged: readonly string[] = [];
  /** The fields of each of those. */
  loggedFields: readonly unknown[] = [];
  outcome!: Promise<ModeOutcome>;

  constructor(readonly name: string, readonly address: string) {}

  do(command: ClientCommand, ref?: string): void {
    this.host.command(command, ref);
  }

  say(text: string): void {
    this.do({ command: "say", text });
  }

  of<Name extends ClientEvent["event"]>(event: Name) {
    type Found = Extract<ClientEvent, { readonly event: Name }>;
    return this.events.filter((each): each is Found => each.event === event);
  }

  /** What became of its calls: `bob connected relay`. */
  get calls(): readonly string[] {
    return this.of("call").map(({ peer, state, route, reason }) =>
      [peer, state, route, reason].filter((word) => word !== "" && word !== null).join(" ")
    );
  }

  /** What others said to it. */
  get heard(): readonly string[] {
    return this.of("message").flatMap(({ text, self }) => self ? [] : [text]);
  }

  get errors(): readonly string[] {
    return this.of("error").map(({ code }) => code);
  }

  get sessions(): readonly string[] {
    return this.of("session").map(({ state }) => state);
  }
}

export class DirectoryWorld extends HostWorld {
  readonly datagrams = new MemoryDatagramNetwork({ latencyMs: 5, clock: this.network.clock });
  readonly accounts = new MemoryAccounts();
  readonly store = new MemoryStore<DirectoryRecord>();
  /** The one that was started last. */
  directory!: LinkHandler;
  #clients = 0;

  serve(
    config: Partial<DirectoryConfig> = {},
    seed = DIRECTORY_SEED,
    channel: Partial<ChannelConfig> = DIRECTORY_CHANNEL,
  ): DirectoryProgram {
    const { environment, logged, signer, open } = this.place(seed, DIRECTORY.port, DIRECTORY.host);
    const late: { host: DirectoryHost | null } = { host: null };
    const links = open({ ...CLIENT_ACCESS }, () => late.host, channel);
    const events: DirectoryEvent[] = [];
    const reader = new Reader();
    const host = new DirectoryHost({
      listening: DIRECTORY,
      guests: true,
      broadcast: "all",
      ttlMs: 60_000,
      clientsMax: 100,
      signUpsMax: 100,
      relays: true,
      ...config,
    }, {
      clock: this.network.clock,
      environment,
      links,
      signer,
      store: this.store,
      accounts: this.accounts,
      hasher: HASHER,
      datagrams: this.datagrams.open(DIRECTORY),
      show: (event) => events.push(event),
      pauseInput() {},
      flushed: () => Promise.resolve(),
      written: () => Promise.resolve(),
      keepAnswer: () => Promise.resolve(),
      outputReady: () => reader.ready(),
    });
    this.directory = late.host = host;
    const close = () => links.shutdown("ended");
    return { host, events, logged, reader, outcome: host.run(), close };
  }

  /** The directory's program is killed: its links end, and what comes for it is lost. */
  killDirectory(): void {
    this.network.crash(DIRECTORY.host);
    this.datagrams.release(DIRECTORY);
  }

  /** Starts a client that signs up, at the host `127.0.1.SEED`. */
  start(
    name: string,
    { ready = () => null, entry = signUp(name), pinned = () => Promise.resolve(), words }: Before =
      {},
    config: Partial<ClientConfig> = {},
    store = new MemoryStore<ClientRecord>(),
  ): ClientProgram {
    const seed = ++this.#clients;
    const address = { host: `127.0.1.${seed}`, port: PORT };
    const { environment, signer, logged, loggedFields } = this.place(seed, PORT, address.host);
    const program = new ClientProgram(name, address.host);
    const { clock } = this.network;
    const relays = new RelayNetwork(clock);
    const links = this.network.open(address, {
      identity: { signer, static: keyPairFromSeed(environment.randomBytes(32)) },
      env: environment,
      access: CALL_ACCESS,
      channel: CALL_CHANNEL,
      relays,
      handler: forwardTo(() => program.host),
    });
    program.links = links;
    program.logged = logged;
    program.loggedFields = loggedFields;
    const { pins } = program;
    let directory = "";
    program.host = new DirectoryClientHost({
      name: null,
      how: null,
      directory: DIRECTORY,
      registry: "directory",
      expect: null,
      given: null,
      trustFirst: false,
      listening: address,
      pinsOf(key) {
        directory = key;
        return pinsIn(pins, directory);
      },
      refused: [],
      isInteractive: false,
      asksAgain: false,
      wait: true,
      knownPeers: "known_peers",
      ...config,
    }, {
      clock,
      environment,
      links,
      signer,
      store,
      relays,
      datagrams: this.datagrams.open(address),
      show: (event) => program.events.push(event),
      pauseInput: (reason) => program.paused.push(reason),
      flushed: () => Promise.resolve(),
      written: () => Promise.resolve(),
      keepAnswer: () => Promise.resolve(),
      keepAddresses: () => Promise.resolve(),
      outputReady: ready,
      askToEnter() {
        program.asked++;
        program.host.enter(entry);
      },
      connecting() {},
      ...(words === undefined ? {} : { privateWords: words }),
      pin({ name, key }) {
        const scope = name === DIRECTORY_NAME ? "" : directory;
        pins.set(`${scope} ${foldName(name)}`, fingerprintOf(key));
        return pinned();
      },
    });
    program.outcome = program.host.run();
    return program;
  }

  /** Calls, and accepts; lets pass what that takes. */
  async call(from: ClientProgram, to: ClientProgram, ms = 1_000): Promise<void> {
    from.do({ command: "call", name: to.name });
    await this.pass(100);
    to.do({ command: "accept" });
    await this.pass(ms);
    assert(from.calls.length > 0, "the caller is told of its call");
  }

  /** Nobody but the directory reaches them, nor they anybody. */
  separate(...programs: readonly ClientProgram[]): void {
    for (const one of programs) {
      for (const other of programs) if (one !== other) this.cut(one.address, other.address);
    }
  }
}

export function signUp(name: string): Entry {
  return { how: "sign-up", name, password: PASSWORD, newPassword: "" };
}

export function guest(name: string): Entry {
  return { how: "guest", name, password: "", newPassword: "" };
}

function pinsIn(
  pins: ReadonlyMap<string, Fingerprint>,
  scope: string,
): ReadonlyMap<string, Fingerprint> {
  const own = [...pins].filter(([key]) => key.startsWith(`${scope} `));
  return new Map(own.map(([key, value]) => [key.slice(scope.length + 1), value]));
}
