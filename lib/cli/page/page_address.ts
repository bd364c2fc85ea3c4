/**
 * The page's address: its token and its port stay the same from start to start, so that an open page goes on. In a table
 * of the profile that `cat` shows:
 *
 *     b1c37e02  p2pchat  web        1
 *     5f0e1a77  token    Xk...
 *     5f0e1a77  port     mesh       55108
 *     90cc31d8  end      2          3f5ce211
 */

import type { Disk } from "../../store/disk/disk.ts";
import { parsePort } from "../../base/text/endpoints.ts";
import { SharedTable, type TakeTurn } from "../../store/profile/shared_table.ts";
import type { TableRow } from "../../store/disk/table.ts";

const FORMAT = {
  format: "web",
  version: 1,
  without: "(without it the page has a new address)",
} as const;

const TOKEN = "token";
const PORT = "port";
/** 256 bits in base64url. */
const TOKEN_FORM = /^[A-Za-z0-9_-]{43}$/;

export class PageAddress {
  private constructor(
    readonly table: SharedTable,
    readonly mode: string,
    readonly token: string,
  ) {}

  /**
   * Finds the token, or makes it.
   * @param secret Draws one.
   * @throws {P2pchatError} As `Table.open`.
   */
  static async open(
    disk: Disk,
    { folder, mode }: { readonly folder: string; readonly mode: string },
    takeTurn: TakeTurn,
    secret: () => string,
  ): Promise<PageAddress> {
    const table = await SharedTable.open(disk, `${folder}/web`, FORMAT, takeTurn);
    if (tokenIn(table.rows) === null) {
      // Another program may have made it meanwhile.
      await table.change((rows) => tokenIn(rows) === null ? [...rows, [TOKEN, secret()]] : rows);
    }
    return new PageAddress(table, mode, tokenIn(table.rows)!);
  }

  /** The port that the page of this mode had; null: it had none. */
  get port(): number | null {
    const text = this.table.rows.find((row) => this.#isPort(row))?.[2] ?? "";
    return parsePort(text);
  }

  /** @throws {P2pchatError} As `SharedTable.change`. */
  async keepPort(port: number): Promise<void> {
    if (port === this.port) return;
    await this.table.change((rows) => [
      ...rows.filter((row) => !this.#isPort(row)),
      [PORT, this.mode, String(port)],
    ]);
  }

  #isPort([kind, mode]: TableRow): boolean {
    return kind === PORT && mode === this.mode;
  }
}

/** A row that was changed by hand counts as none. */
function tokenIn(rows: readonly TableRow[]): string | null {
  return rows.find(([kind, text = ""]) => kind === TOKEN && TOKEN_FORM.test(text))?.[1] ?? null;
}
