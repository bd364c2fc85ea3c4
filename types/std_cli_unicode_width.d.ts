// Declaration of `@std/cli/unicode-width`; the npm package carries no types.
export function unicodeWidth(text: string): number;
