/**
 * The channel's times and bounds, each with its reason, or that it has none. Tests lower them; programs use the
 * defaults.
 */

import { COMMON_INTERVAL_MS } from "../../base/machine/common_times.ts";

export interface ChannelConfig {
  /** From the first byte until both are known to each other. */
  readonly handshakeMs: number;
  /** Silence after which the dialler asks the other side for a sign of life, and gives one. */
  readonly pingAfterMs: number;
  /**
   * A dialler's pings wait for the next multiple of this, so that all idle links of a process are served at one wake-up,
   * those of all processes of a machine at the same time.
   */
  readonly pingGridMs: number;
  /** How much longer the listener waits before it asks, so that an idle link has one side's pings, and not both. */
  readonly listenerPingLagMs: number;
  /** A listener's pings wait for the next multiple of this. */
  readonly listenerPingGridMs: number;
  /** Silence after which the other side counts as lost; more than the latest ping and a slow round trip. */
  readonly deadAfterMs: number;
  /**
   * From a record's first byte until it must be whole; then the other side counts as lost, as anybody on the way can
   * add bytes that prove nothing. The longest, of 16 KiB, at 1,500 bytes a second, and a silence.
   */
  readonly recordMs: number;
  /** A tick that comes later than this gives the other side, and what waits, more time in a handshake and at the end. */
  readonly stallMs: number;
  /** How long `close` may go on sending what waits. */
  readonly closeFlushMs: number;
  /** Age at which the owner is asked to replace the link, for fresh ephemeral keys. */
  readonly linkAgeMs: number;
  /** Records after which a direction takes a new key. */
  readonly rekeyRecords: number;
  /** Sealed bytes after which a direction takes a new key, if that comes first. */
  readonly rekeyBytes: number;
  /** What may wait in the control lane; more closes the link, for control must not be lost. */
  readonly controlBytesMax: number;
  /**
   * What may wait there when news is added; above it, news is dropped. Half of a write, so that what others make us
   * say leaves half of a slow link to data, and half of the lane to what we say ourselves.
   */
  readonly newsBytesMax: number;
  /** What may wait in the data lane; above it, data is dropped until half is sent. */
  readonly dataBytesMax: number;
  /** What may wait in the bulk lane, which its sender keeps to: two leaves of a file, with their proofs. */
  readonly bulkBytesMax: number;
  /** Most bytes in one write, a whole number of records: larger ones are no faster and delay control. */
  readonly writeBytesMax: number;
  /** Behind the first write over this the other side is asked for a sign of life: not every path takes such packets. */
  readonly shortWriteBytesMax: number;
}

export const CHANNEL_DEFAULTS: ChannelConfig = {
  handshakeMs: 10_000, // chosen, not measured; what TCP sends again after 1, 3 and 7 s still comes in time
  pingAfterMs: 250, // what comes just before its time needn't be asked for: an idle link's pings come every 1.5 s
  pingGridMs: COMMON_INTERVAL_MS, // so it is at most 1.75 s until a ping, and 1.25 s are left for its answer
  listenerPingLagMs: 1_500, // more than the dialler's longest silence
  listenerPingGridMs: 250,
  deadAfterMs: 3_000,
  recordMs: 14_000,
  stallMs: 500, // guess: well above a slow turn of the loop, well below deadAfterMs
  closeFlushMs: 1_000, // chosen, not measured: who closes waits for it
  linkAgeMs: 24 * 3_600_000, // chosen, not measured: one handshake a day costs nothing
  rekeyRecords: 65_536, // chosen, far below what one key of ChaCha20-Poly1305 may seal (RFC 9001, 6.6)
  rekeyBytes: 2 ** 30, // so many of the longest records
  controlBytesMax: 64 * 1_024, // chosen, not measured: one write
  newsBytesMax: 32 * 1_024,
  dataBytesMax: 1_024 * 1_024, // chosen, not measured: 16 writes
  bulkBytesMax: 256 * 1_024,
  writeBytesMax: 64 * 1_024,
  shortWriteBytesMax: 1_200, // with the headers of IPv6 and TCP under 1,280 bytes, which every path takes (RFC 8200)
};
