// Declarations of `@std/csv/stringify`, as far as it is used.
/** Rows as RFC 4180 has them, each with its CR LF. */
export function stringify(rows: readonly (readonly (string | number)[])[]): string;
