/** Connects a directory's client to sockets and the files of a profile. */

import { type Endpoint, endpointText } from "../../base/ids.ts";
import { canonicalHost } from "../../base/text/endpoints.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import type { ClientConfig } from "../../protocols/directory/schema/client_io.ts";
import {
  CLIENT_LOG,
  type ClientRecord,
  FORGETTING_CLIENT,
} from "../../protocols/directory/schema/client_records.ts";
import { DIRECTORY_NAME } from "../../protocols/directory/schema/events.ts";
import {
  CALL_ACCESS,
  CALL_CHANNEL,
  DirectoryClientHost,
  type DirectoryClientPorts,
} from "../../runtime/hosts/directory_client_host.ts";
import type { KeepPin } from "../../runtime/hosts/mode_host.ts";
import type { Disk } from "../../store/disk/disk.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import { forwardTo, type Links } from "../../transport/link.ts";
import { RelayNetwork } from "../../transport/links/relay_network.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { UdpDatagrams } from "../../transport/udp_datagrams.ts";
import { REGSERVER_PORT_DEFAULT } from "../args/options.ts";
import type { RegistryOptions } from "./registry_arguments.ts";
import { CallWords } from "./call_words.ts";
import { DirectoryVisit } from "./directory_visit.ts";
import { isVerified, pinnedKeys, pinsIn, serverKeyPinned } from "../credentials/pinned_keys.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";
import { endpointForOthers } from "../session/advertised_address.ts";
import {
  channelIdentity,
  knownPeersPath,
  logStarted,
  type Session,
  showFailure,
  warnBy,
} from "../session/mode_session.ts";
import { forgettingStore } from "../session/forgetting_store.ts";
import { shownAgain } from "../session/last_seen.ts";
import { ServerAddresses } from "../session/server_addresses.ts";
import { type OpenedRecords, openRecords } from "../session/record_store.ts";
import { modePorts } from "../session/run_mode.ts";

export interface ClientOptions extends
  Pick<
    RegistryOptions,
    | "name"
    | "way"
    | "registry"
    | "otherRegistries"
    | "registryKey"
    | "trustFirst"
    | "host"
    | "port"
    | "wait"
    | "historyCount"
    | "keepsWords"
  > {
  /** The name of the profile. */
  readonly profile: string;
  /** Whether the user is asked again after a refusal. */
  readonly asksAgain: boolean;
}

export interface ClientUser extends
  Pick<
    DirectoryClientPorts,
    "askToEnter" | "connecting" | "show" | "keepAnswer" | "pauseInput"
  >,
  Pick<Required<DirectoryClientPorts>, "files"> {
  /** Shows notices after the start. */
  notices(texts: readonly string[]): void;
}

/**
 * Calls `work` with a client that isn't running yet, and closes everything that was opened for it.
 * @throws {P2pchatError} `port-in-use`, `unreachable`, `store-corrupt` or `disk`; whatever `work` throws.
 */
export async function withClient<Event extends ShownEvent, Target>(
  session: Session<Event, Target>,
  options: ClientOptions,
  { notices, ...user }: ClientUser,
  work: (host: DirectoryClientHost, links: Links) => Promise<void>,
): Promise<void> {
  const { disk, folder, environment, identity } = session;
  const registry = `${folder}/registry`;
  const opened = await openRegistry(disk, registry);
  const { keepsWords, profile: name } = options;
  const store = keepsWords ? opened : forgettingStore(opened, FORGETTING_CLIENT);
  const warn = warnBy(session.ui);
  const words = new CallWords({ disk, identity, folder: registry, name, keepsWords, warn });
  const visit = new DirectoryVisit({
    disk,
    folder: registry,
    wallMs: () => environment.wallMs(),
    warn,
    tell: (shownAgain(options, session.ui) ?? 0) === 0 ? null : (event) => session.ui.show(event),
  });
  notices(opened.notices);
  let datagrams: Datagrams | null = null;
  let links: Links | null = null;
  try {
    datagrams = UdpDatagrams.listen(null, 0, environment.log);
    let host: DirectoryClientHost | null = null;
    const relays = new RelayNetwork(SYSTEM_LINK_CLOCK);
    links = openTcpLinks({
      host: options.host,
      port: options.port,
      identity: channelIdentity(session),
      env: environment,
      warn,
      access: CALL_ACCESS,
      channel: CALL_CHANNEL,
      relays,
      handler: forwardTo(() => host),
    });
    logStarted(session, "peer", {
      name: options.profile,
      registry: endpointText(options.registry),
      listening: endpointText(links.local),
    });
    const { config, pin } = configOf(session, options, links.local.port, (directory) => {
      words.isAt(directory);
      visit.isAt(directory);
    });
    const known = await ServerAddresses.open(disk, registry);
    const scope = directoryScope(options.registry);
    const instances = [...options.otherRegistries, ...known.of(scope)];
    host = new DirectoryClientHost({ ...config, instances }, {
      ...modePorts(session, links),
      ...user,
      show: (event, ref) => {
        user.show(event, ref);
        if (event.event === "session" && event.state === "up") visit.cameIn();
      },
      signer: identity.signer,
      store,
      datagrams,
      relays,
      pin,
      privateWords: words,
      keepAddresses: (addresses) => showFailure(session.ui, known.keep(scope, addresses)),
    });
    await work(host, links);
  } finally {
    await links?.shutdown("ended");
    await datagrams?.close();
    await visit.close();
    await words.close().finally(() => store.close());
  }
}

function configOf<Event extends ShownEvent, Target>(
  session: Session<Event, Target>,
  options: ClientOptions,
  port: number,
  isAt: (directory: Fingerprint) => void,
): { readonly config: Omit<ClientConfig, "records">; readonly pin: KeepPin } {
  const { name, way, registry, registryKey, trustFirst, host, wait, asksAgain } = options;
  const { knownPeers, folder, ui } = session;
  const serverScope = directoryScope(registry);
  // The scope of the users' pins at the directory whose key was seen last.
  let scope = "";
  const expect = serverKeyPinned(session, {
    scope: serverScope,
    name: DIRECTORY_NAME,
    title: `directory at ${endpointText(registry)}`,
  }, registryKey);
  const config = {
    name,
    how: way,
    directory: registry,
    registry: registryText(registry),
    expect,
    shownAgain: shownAgain(options, ui) ?? 0,
    given: registryKey,
    isServerVerified: isVerified(knownPeers, serverScope, DIRECTORY_NAME),
    trustFirst,
    // The address for the `ready` event; other clients get the one that the directory sees.
    listening: endpointForOthers({ host, advertise: null }, port, session.outward),
    pinsOf: (directory: Fingerprint) => {
      isAt(directory);
      scope = `directory:${directory}`;
      return pinnedKeys(knownPeers, scope);
    },
    refused: knownPeers.refused(),
    verified: knownPeers.verified(),
    isInteractive: ui.dialogue !== null,
    asksAgain,
    wait,
    knownPeers: knownPeersPath(folder),
  };
  const pin: KeepPin = (met) =>
    pinsIn(session, met.name === DIRECTORY_NAME ? serverScope : scope)(met);
  return { config, pin };
}

/** The scope of the directory's own key. */
export function directoryScope(registry: Endpoint): string {
  return `host:${endpointText({ ...registry, host: canonicalHost(registry.host) })}`;
}

/** The directory's address, nearly as the user typed it. */
export function registryText(registry: Endpoint): string {
  return registry.port === REGSERVER_PORT_DEFAULT ? registry.host : endpointText(registry);
}

// A profile's stored data of directories: the broadcasts received, in `log`. As each directory's store has a unique
// id, one file has those of all directories.

/**
 * Opens the stored data of directories; creates it where there is none.
 * @param folder `registry` in the profile.
 * @throws {P2pchatError} `store-corrupt` with file and line, or `disk`.
 */
export async function openRegistry(
  disk: Disk,
  folder: string,
): Promise<OpenedRecords<ClientRecord>> {
  await disk.makeFolder(folder);
  return await openRecords(disk, `${folder}/log`, CLIENT_LOG);
}
