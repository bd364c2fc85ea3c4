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
  private constructor(readonly table: SharedTable, readonly mode: string) {}

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
    if (!table.rows.some(isToken)) {
      // Another program may have made it meanwhile.
      await table.change((rows) => rows.some(isToken) ? rows : [...rows, [TOKEN, secret()]]);
    }
    return new PageAddress(table, mode);
  }

  get token(): string {
    return this.table.rows.find(isToken)![1]!;
  }

  /** The port that the page of this mode had; null: it had none. */
  get port(): number | null {
    return parsePort(this.table.rows.find((row) => this.#isPort(row))?.[2] ?? "");
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
function isToken([kind, text = ""]: TableRow): boolean {
  return kind === TOKEN && TOKEN_FORM.test(text);
}
