/** A QR code from the rows that a console prints: each character is two modules, one above the other, light ones drawn. */

const HALVES = { " ": [true, true], "\u2584": [true, false], "\u2580": [false, true] };
const LIGHT = [false, false];

/**
 * @returns The modules on a side, and the dark ones as a path of SVG, in units of a module: whole stretches of a row, so
 *   that no gap is seen between two of them.
 */
export function qrShape(rows) {
  const side = rows[0]?.length ?? 0;
  let path = "";
  rows.flatMap((row) => {
    const halves = [...row].map((character) => HALVES[character] ?? LIGHT);
    return [halves.map(([upper]) => upper), halves.map(([, lower]) => lower)];
  }).slice(0, side).forEach((darks, y) => {
    for (let x = 0; x < side; x++) {
      if (!darks[x]) continue;
      const start = x;
      while (darks[x + 1]) x++;
      const width = x + 1 - start;
      path += `M${start} ${y}h${width}v1h-${width}z`;
    }
  });
  return { side, path };
}
