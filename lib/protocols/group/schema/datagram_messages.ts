/**
 * What a member and the coordinator say to each other in datagrams, sealed under the keys of `datagram-keys`: where the
 * member is, as seen from outside, and datagrams of members that can't send them to each other.
 */

import { bytes, fixedBytes, message, type MessageOf, uint } from "../../../base/schema/schema.ts";
import {
  CHALLENGE_BYTES,
  HERE_PADDING_BYTES,
  RELAYED_BYTES_MAX,
} from "../../sealed_datagram/limits.ts";
import { RELAY_NUMBER_MAX } from "./limits.ts";

const lane = "control";
const relayed = {
  /** Of the member that it goes to, or comes from, as `peers` has it. */
  member: uint(RELAY_NUMBER_MAX),
  /** A datagram between the two, which the coordinator can't open. */
  datagram: bytes(RELAYED_BYTES_MAX),
};

const here = message(1, "here", {
  from: "a member or newcomer",
  to: "the coordinator",
  when: "`datagram-keys` came, again until `prove` comes, then every 15 s",
  answer: "`prove`, where it doesn't come from the address that was proven last",
  lane,
}, { padding: fixedBytes(HERE_PADDING_BYTES) });
const prove = message(2, "prove", {
  from: "the coordinator",
  to: "an address from which a member's datagram came",
  when: "the member hasn't proved yet that it receives there",
  answer: "`proof`, from there",
  lane,
}, { challenge: fixedBytes(CHALLENGE_BYTES) });
const proof = message(3, "proof", {
  from: "a member or newcomer",
  to: "the coordinator",
  when: "a `prove` came",
  answer: "none; `peers` has the address from then on",
  lane,
}, { challenge: fixedBytes(CHALLENGE_BYTES) });
const relay = message(4, "relay", {
  from: "a member or newcomer",
  to: "the coordinator",
  when: "nothing has passed directly for 3 s",
  answer: "`relayed`, to the other one; none where a bound is reached",
  lane,
}, relayed);
const passedOn = message(5, "relayed", {
  from: "the coordinator",
  to: "a member or newcomer",
  when: "a `relay` came for it",
  lane,
}, relayed);

export const GROUP_DATAGRAMS = [here, prove, proof, relay, passedOn] as const;

export type GroupDatagram = MessageOf<typeof GROUP_DATAGRAMS[number]>;
