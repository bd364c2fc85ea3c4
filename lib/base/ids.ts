/**
 * Ids as branded strings: the compiler doesn't let one kind be used for another, and each works as a key of a Map.
 * Hashes and keys are lower-case hexadecimal in memory and 32 raw bytes on the wire.
 */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Ed25519 public key of an identity: 64 hexadecimal digits. */
export type PeerKey = Branded<"PeerKey">;
/** SHA-256 of a room's signed genesis record. */
export type RoomId = Branded<"RoomId">;
/** SHA-256 of a domain tag and a bundle's exact header bytes. */
export type BundleId = Branded<"BundleId">;
/** SHA-256 of a domain tag and a claim's exact bytes. */
export type ClaimId = Branded<"ClaimId">;
/** Names a text: by its bundle, or its author's process, and its place there. */
export type MessageId = Branded<"MessageId">;
/** Names a request of a group's member. */
export type RequestId = Branded<"RequestId">;
/** SHA-256 of a domain tag and a file offer's exact bytes, which name its signer. */
export type OfferId = Branded<"OfferId">;
/** Any other SHA-256. */
export type Hash = Branded<"Hash">;
/** Of one run of a program, proven by each of its handshakes (`LinkInfo.process`). */
export type ProcessKey = Branded<"ProcessKey">;
/** A name after NFKC and case folding: equal for two names that are the same name. */
export type FoldedName = Branded<"FoldedName">;
/** One connection, unique within its process; never on the wire. */
export type LinkId = number & { readonly [brand]: "LinkId" };

export type HexId =
  | PeerKey
  | RoomId
  | BundleId
  | ClaimId
  | MessageId
  | RequestId
  | OfferId
  | ProcessKey
  | Hash;

/** Where a program can be reached. `host` is a host name or an IP address without brackets. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Of somebody whose address isn't known, or who accepts no connections. */
export const NO_ADDRESS: Endpoint = { host: "", port: 0 };

/** The host in the address of somebody who is reached through another program: not a valid host name. */
export const RELAY_HOST = "*relay*";

/** Whether this is the address of somebody who is reached through another program. */
export function isRelayed({ host }: Endpoint): boolean {
  return host === RELAY_HOST;
}

/** `host:port`, an IPv6 address in brackets; equal for equal endpoints. */
export function endpointText(endpoint: Endpoint): string {
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

/** Whether two endpoints are textually equal; two names of one host aren't. */
export function isSameEndpoint(one: Endpoint | null, other: Endpoint | null): boolean {
  return one?.port === other?.port && one?.host === other?.host;
}

/** The endpoints without those that an earlier one equals. */
export function distinctEndpoints(all: readonly Endpoint[]): readonly Endpoint[] {
  return all.filter((one, at) => all.findIndex((other) => isSameEndpoint(other, one)) === at);
}
