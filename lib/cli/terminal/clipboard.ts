/** Puts text on the clipboard of whoever sits at the terminal, also at the far end of SSH: OSC 52. */

/** A program of its own around the terminal takes what is for the terminal behind it in this form. */
const TMUX = { start: "\x1bPtmux;", end: "\x1b\\" };
const SCREEN = { start: "\x1bP", end: "\x1b\\" };

/**
 * What to write. tmux takes it itself where it is set so (`set-clipboard on`), and passes it on where it may
 * (`allow-passthrough on`): it gets both.
 * @param variable Returns the value of an environment variable.
 */
export function copying(text: string, variable: (name: string) => string | undefined): string {
  const copy = `\x1b]52;c;${new TextEncoder().encode(text).toBase64()}\x07`;
  if (variable("TMUX")) return copy + TMUX.start + copy.replaceAll("\x1b", "\x1b\x1b") + TMUX.end;
  return variable("STY") ? SCREEN.start + copy + SCREEN.end : copy;
}
