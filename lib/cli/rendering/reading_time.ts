/**
 * Who answers sooner may have typed it to somebody else: nobody has read by then what they are asked, and a member can
 * ask right after a question of its own to which people say yes.
 */
export const READING_MS_MIN = 2_000;

/** What such an answer is refused with, after what was not done. */
export const ASKED_JUST_NOW =
  "you were asked only just now: read what it is about, then answer again";
