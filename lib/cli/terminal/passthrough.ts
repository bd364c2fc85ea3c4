/** tmux around the terminal passes on what is for the terminal behind it only in a form of its own. */

type Variable = (name: string) => string | undefined;

/** Whether tmux is around the terminal. It passes on where it may: `allow-passthrough on`. */
export function isInTmux(variable: Variable): boolean {
  return Boolean(variable("TMUX"));
}

/** The escape sequences, which end in BEL or ST, as whatever is around the terminal passes them on. */
export function passedOn(sequences: string, variable: Variable): string {
  return isInTmux(variable)
    ? `\x1bPtmux;${sequences.replaceAll("\x1b", "\x1b\x1b")}\x1b\\`
    : sequences;
}
