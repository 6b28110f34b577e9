// A bitmap font, so that text on pictures needs no fonts from the system (a fresh machine has none).

/** Cell of a glyph, px: 5 wide, 7 high, and 2 below the line for descenders. */
export const GLYPH = { width: 5, height: 9, advance: 6 } as const;

/** One character per row from the top, in base 32: bit 16 is the leftmost pixel. Missing rows are empty. */
// prettier-ignore
const ROWS: Readonly<Record<string, string>> = {
  A: 'ehhvhhh', B: 'uhhuhhu', C: 'ehggghe', D: 'uhhhhhu', E: 'vgguggv', F: 'vgguggg', G: 'ehgnhhf', H: 'hhhvhhh', I: 'e44444e',
  J: '72222ic', K: 'hikokih', L: 'ggggggv', M: 'hrllhhh', N: 'hhpljhh', O: 'ehhhhhe', P: 'uhhuggg', Q: 'ehhhlid', R: 'uhhukih',
  S: 'fgge11u', T: 'v444444', U: 'hhhhhhe', V: 'hhhhha4', W: 'hhhllla', X: 'hha4ahh', Y: 'hhha444', Z: 'v1248gv',
  a: '00e1fhf', b: 'ggmphhu', c: '00egghe', d: '11djhhf', e: '00ehvge', f: '698s888', g: '00fhhhf1e', h: 'ggmphhh', i: '40c444e',
  j: '2062222ic', k: 'ggikoki', l: 'c44444e', m: '00qllhh', n: '00mphhh', o: '00ehhhe', p: '00uhhhugg', q: '00fhhhf11', r: '00mpggg',
  s: '00fge1u', t: '88s8896', u: '00hhhjd', v: '00hhha4', w: '00hhlla', x: '00ha4ah', y: '00hhhhf1e', z: '00v248v',
  0: 'ehjlphe', 1: '4c4444e', 2: 'eh1248v', 3: 'v2421he', 4: '26aiv22', 5: 'vgu11he', 6: '68guhhe', 7: 'v124888', 8: 'ehhehhe',
  9: 'ehhf12c', ' ': '', '.': '00000cc', ',': '00000cc48', ':': '0cc0cc0', '-': '000v000', '+': '044v440', '=': '00v0v00',
  '/': '01248g0', '%': 'op248j3', '(': '2488842', ')': '8422248', '<': '248g842', '>': '8421248', _: '000000v',
};

/** Drawn for characters without a glyph. */
const UNKNOWN = 'vhhhhhv';

export function hasGlyph(character: string): boolean {
  return Object.hasOwn(ROWS, character);
}

/** Calls `plot` for every set pixel of a text whose first glyph's top-left pixel is (0, 0). */
export function eachTextPixel(text: string, plot: (x: number, y: number) => void): void {
  for (const [i, character] of Array.from(text).entries()) {
    const rows = hasGlyph(character) ? (ROWS[character] ?? '') : UNKNOWN;
    for (const [y, row] of Array.from(rows).entries()) {
      const bits = parseInt(row, 32);
      for (let x = 0; x < GLYPH.width; x++) if (bits & (16 >> x)) plot(i * GLYPH.advance + x, y);
    }
  }
}

/** Width of a text, px, without the gap after the last glyph. */
export function textWidth(text: string): number {
  return Math.max(0, Array.from(text).length * GLYPH.advance - 1);
}
