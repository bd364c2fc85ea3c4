/** Reads the fields of events, which are those of `--json`: one that is missing, or of another type, is its empty form. */

export type Fields = Readonly<Record<string, unknown>>;

export function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

/** Null where there is none: an empty text may mean something. */
export function maybeText(fields: Fields, name: string): string | null {
  const value = fields[name];
  return typeof value === "string" ? value : null;
}

export function numberOf(fields: Fields, name: string): number | null {
  const value = fields[name];
  return typeof value === "number" ? value : null;
}

export function isTrue(fields: Fields, name: string): boolean {
  return fields[name] === true;
}

export function textsOf(fields: Fields, name: string): readonly string[] {
  return listOf(fields, name).filter((value) => typeof value === "string");
}

export function objectsOf(fields: Fields, name: string): readonly Fields[] {
  return listOf(fields, name).filter((value): value is Fields =>
    typeof value === "object" && value !== null
  );
}

export function objectOf(fields: Fields, name: string): Fields | null {
  return objectsOf({ list: [fields[name]] }, "list")[0] ?? null;
}

function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  return Array.isArray(value) ? value : [];
}
