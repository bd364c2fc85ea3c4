/** Bounds of word codes, each with its reason. */

/** How long a code is good: long enough to say it on the telephone, and to start a program. */
export const CODE_MS = 10 * 60_000;

/** Codes that may be open at once: one more voids the oldest. Each gives strangers one guess in 2^22. */
export const OPEN_CODES_MAX = 3;

/** For so long after its end, whoever comes with a code is told that it counts no more, and its issuer that somebody came. */
export const SPENT_MS = CODE_MS;

/** Numbers are said aloud: two digits. */
export const NUMBER_MAX = 99;

/**
 * Codes of the past that are remembered, so that none has the number of one of these: with the words of an earlier code
 * somebody would void the later one. Two thirds of the numbers stay to draw from.
 */
export const SPENT_MAX = 32;

/** Links of guessers at once: more than there are codes. Of more, one gives way that hasn't guessed. */
export const GUESS_LINKS_MAX = 8;

/** Of these from one address; this machine's own have no limit, as with other strangers. */
export const GUESS_LINKS_PER_ADDRESS_MAX = 2;

/** From the link until the invite has passed: four messages, of which one side computes for some milliseconds. */
export const EXCHANGE_MS = 10_000;

/** Guesses from one address at once; after them one a minute: who voids codes by wrong guesses soon can't. */
export const GUESSES_PER_ADDRESS = 5;
export const GUESSES_PER_SECOND = 1 / 60;

/** Addresses whose guesses are counted; no limit per address stops who has more. */
export const ADDRESSES_MAX = 1_024;

/** Longest invite as text, in bytes: one with as many addresses as an invite can have is shorter. */
export const INVITE_BYTES_MAX = 4_096;

/** Bytes of an element of ristretto255, which each side sends of CPace. */
export const SHARE_BYTES = 32;
/** Bytes of a confirmation: HMAC-SHA-512. */
export const CONFIRMATION_BYTES = 64;
