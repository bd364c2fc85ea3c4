import { assertEquals } from "@std/assert";
import { otherOwner } from "../../../lib/cli/args/owner.ts";

const DATA = "/srv/chat";
const FILE = `${DATA}/regserver/accounts.csv`;
const [ROOT, ANN, BOB] = [0, 1_000, 1_001];

/** What is found where these paths are there, with their owners. */
function found(own: number, owners: Readonly<Record<string, number>>, data = DATA): string | null {
  const path = `${data}/regserver/accounts.csv`;
  const other = otherOwner(path, data, own, (path) => owners[path] ?? null);
  return other === null ? null : `${other.at} ${other.owner}`;
}

Deno.test("otherOwner() asks the first path that is there", () => {
  const folders = { [`${DATA}/regserver`]: ANN, [DATA]: ANN, "/srv": ROOT, "/": ROOT };
  assertEquals(found(ROOT, { [FILE]: ANN, ...folders }), `${FILE} ${ANN}`);
  assertEquals(found(ROOT, folders), `${DATA}/regserver ${ANN}`);
  assertEquals(found(ROOT, { [DATA]: ANN, "/srv": ROOT }), `${DATA} ${ANN}`);
  assertEquals(
    found(ROOT, { "/srv": ANN, "/": ROOT }),
    `/srv ${ANN}`,
    "the data folder isn't there yet",
  );
  assertEquals(found(BOB, folders), `${DATA}/regserver ${ANN}`);
  assertEquals(found(ANN, { [`${DATA}/regserver`]: ROOT }), `${DATA}/regserver ${ROOT}`);
});

Deno.test("otherOwner() minds neither what is one's own nor a folder where anybody may make one", () => {
  assertEquals(found(ANN, { [DATA]: ANN, "/srv": ROOT }), null);
  assertEquals(found(ROOT, { [FILE]: ROOT, [DATA]: ANN }), null);
  assertEquals(found(ANN, { "/srv": BOB }), null);
  assertEquals(found(ANN, { [DATA]: ROOT }), null, "as --data /tmp");
  assertEquals(found(ROOT, { "/": ROOT }), null);
  assertEquals(found(ANN, {}), null);
  assertEquals(found(ROOT, { ".": ANN }, "data"), `. ${ANN}`);
});
