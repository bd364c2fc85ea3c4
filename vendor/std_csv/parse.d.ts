// Declarations of `@std/csv/parse`, as far as it is used.
/**
 * The rows of a CSV text (RFC 4180), without those that are blank lines.
 * @throws {SyntaxError} With line and column.
 */
export function parse(text: string): string[][];
