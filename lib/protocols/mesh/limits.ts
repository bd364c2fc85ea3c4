/** Every bound of the mesh, with its unit and its reason. */

/** A name has at most 32 code points of at most 4 bytes. */
export const NAME_BYTES_MAX = 128;
/** Case folding and NFKC make at most three code points of one in the scripts that names may use. */
export const FOLDED_NAME_BYTES_MAX = 3 * NAME_BYTES_MAX;
/** Longest host name (RFC 1035, section 2.3.4). */
export const HOST_BYTES_MAX = 255;

/** One message of 64 KiB must fit; a burst of short ones shares one signature. */
export const BUNDLE_TEXT_BYTES_MAX = 65_536;
/** A burst of 256 lines costs one signature; more would delay the first of them. */
export const BUNDLE_TEXTS_MAX = 256;
/** Concurrent authors seldom leave more heads than this; more go into a bundle of kind `heads`. */
export const HEADS_MAX = 64;
/** Heads in a bundle of kind `heads`: a room of 1,000 that all speak at once is joined by one. */
export const REFERENCE_HEADS_MAX = 1_024;
/** Bundles of kind `heads` carry nothing for people: one a second keeps them below any chat. */
export const REFERENCE_INTERVAL_MS = 1_000;
/** A header's time is at most this far beyond its latest head: one wrong clock can't run away with the room. */
export const TIME_STEP_MS_MAX = 24 * 60 * 60 * 1_000;

/** Messages kept by every member for those who come late. */
export const KEPT_MESSAGES_MAX = 10_000;
export const KEPT_TEXT_BYTES_MAX = 64 * 1024 * 1024;
/** Authors with a frontier: four times the largest room, for those who came and went. */
export const FRONTIER_AUTHORS_MAX = 65_536;
/** A process start is an incarnation; a member that restarts more often forgets the oldest. */
export const INCARNATIONS_PER_AUTHOR_MAX = 8;
/** Bundles that wait for their parents, for each link that brought them: one link can't displace another's. */
export const WAITING_BUNDLES_MAX = 256;
export const WAITING_BYTES_MAX = 2 * 1024 * 1024;
/** Parents come within a round trip or not at all from this neighbour. */
export const WAITING_MS_MAX = 10_000;

/** Largest room; more are refused with `full`. */
export const ROSTER_MAX = 4_096;
/** Members with one address, loopback and private ranges exempt: a household, not an army. */
export const ROSTER_PER_ADDRESS_MAX = 64;

/** HyParView, table 1: active view of 5 keeps 10,000 nodes connected through 80 % failures. */
export const ACTIVE_VIEW_MAX = 5;
/** HyParView, table 1. */
export const PASSIVE_VIEW_MAX = 30;
/** Links that others dialled, five active ones and those about to be: bounds memory whatever peers do. */
export const INBOUND_LINKS_MAX = 16;
/** With as many members as this the active views are the full mesh. */
export const FULL_MESH_MEMBERS_MAX = 6;
