/** One background in five is never trained on, in any run: it is what every reported figure is measured on. */
const HELD_BACK_EVERY = 5;

/**
 * Whether a background image is held back for validation for ever: by the first byte of its file's sha256, so that the split
 * needs no list, survives renaming, and is the same on every machine.
 *
 * @param sha256Hex 64 hexadecimal digits
 */
export function isHeldBack(sha256Hex: string): boolean {
  if (!/^[0-9a-f]{64}$/i.test(sha256Hex)) throw new RangeError(`isHeldBack: '${sha256Hex}' is not a sha256 (64 hexadecimal digits).`);
  return Number.parseInt(sha256Hex.slice(0, 2), 16) % HELD_BACK_EVERY === 0;
}

/**
 * Which half of the annotated crops a patient belongs to: thresholds and designs are chosen on `select`, figures are reported
 * on `report`. By patient, so that no one is on both sides.
 */
export function cropSplit(patientId: string): 'select' | 'report' {
  return fnv1a(patientId) % 2 === 0 ? 'select' : 'report';
}

/** FNV-1a over the UTF-8 bytes, then one avalanche step: its lowest bit alone is only a parity of the bytes. */
function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
