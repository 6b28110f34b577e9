import { UserError } from '../errors.js';

/**
 * Reads the structure of a DICOM data set (PS3.5 section 7), no more than asked for: elements are kept as byte ranges, and a
 * value is decoded only when its tag is asked for by name, so that no patient data is ever turned into text. Every length is
 * checked against the bytes that are there before it is believed.
 */

/** How elements are written, from the transfer syntax. */
export interface Encoding {
  readonly explicitVr: boolean;
  readonly littleEndian: boolean;
}

interface Element {
  /** Two letters; null with implicit VR. */
  readonly vr: string | null;
  /** The value's bytes; with undefined length everything up to its delimiter. */
  readonly value: Uint8Array;
  readonly undefinedLength: boolean;
}

/** Tags are numbers: 0x00280010 is (0028,0010). */
export function tagName(tag: number): string {
  const hex = tag.toString(16).toUpperCase().padStart(8, '0');
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}

const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const PIXEL_DATA = 0x7fe00010;
const UNDEFINED_LENGTH = 0xffffffff;
/** VRs whose length takes four bytes after two reserved ones. */
const LONG_VRS = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const IMPLICIT_LITTLE_ENDIAN: Encoding = { explicitVr: false, littleEndian: true };
/** Real files nest three to six deep. */
const MAX_DEPTH = 32;

/** Walks over elements from a position; shared by data sets, sequences and the file's meta group. */
class Reader {
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly encoding: Encoding,
    public position = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  uint16(): number {
    this.need(2);
    return this.view.getUint16((this.position += 2) - 2, this.encoding.littleEndian);
  }

  uint32(): number {
    this.need(4);
    return this.view.getUint32((this.position += 4) - 4, this.encoding.littleEndian);
  }

  tag(): number {
    return this.uint16() * 0x10000 + this.uint16();
  }

  /** A view of the next bytes, not a copy. */
  take(length: number, tag: number): Uint8Array {
    if (length > this.bytes.length - this.position) {
      const left = this.bytes.length - this.position;
      throw new UserError(`the DICOM file is damaged or cut off: ${tagName(tag)} says ${length} bytes, ${left} are there. Copy it again.`);
    }
    return this.bytes.subarray(this.position, (this.position += length));
  }

  /** The element's head after its tag. Items and delimiters have no VR in any encoding. */
  head(tag: number): { vr: string | null; length: number } {
    if (!this.encoding.explicitVr || tag >>> 16 === 0xfffe) return { vr: null, length: this.uint32() };
    const vr = String.fromCharCode(...this.take(2, tag));
    if (!/^[A-Z]{2}$/.test(vr)) {
      throw new UserError(`the DICOM file is damaged: ${tagName(tag)} has no value representation. Export it again.`);
    }
    if (!LONG_VRS.has(vr)) return { vr, length: this.uint16() };
    this.position += 2;
    return { vr, length: this.uint32() };
  }

  /** Value of the element whose tag has just been read. */
  element(tag: number, depth: number): Element {
    const { vr, length } = this.head(tag);
    if (length !== UNDEFINED_LENGTH) return { vr, value: this.take(length, tag), undefinedLength: false };
    const start = this.position;
    // PS3.5 6.2.2: an unknown value of undefined length is a sequence in implicit VR, whatever the rest is.
    const inner = vr === 'UN' ? new Reader(this.bytes, IMPLICIT_LITTLE_ENDIAN, start) : this;
    inner.skipItems(depth + 1);
    this.position = inner.position;
    return { vr, value: this.bytes.subarray(start, this.position), undefinedLength: true };
  }

  /** To behind the delimiter of a sequence, or of encapsulated pixel data, of undefined length. */
  private skipItems(depth: number): void {
    if (depth > MAX_DEPTH) throw new UserError(`the DICOM file is damaged: sequences nest more than ${MAX_DEPTH} deep. Export it again.`);
    for (;;) {
      const tag = this.tag();
      const length = this.uint32();
      if (tag === SEQUENCE_END) return;
      if (tag !== ITEM) throw new UserError(`the DICOM file is damaged: ${tagName(tag)} where an item should be. Export it again.`);
      if (length !== UNDEFINED_LENGTH) this.take(length, tag);
      else this.skipElements(depth);
    }
  }

  private skipElements(depth: number): void {
    for (;;) {
      const tag = this.tag();
      if (tag === ITEM_END) {
        this.uint32();
        return;
      }
      this.element(tag, depth);
    }
  }

  private need(bytes: number): void {
    if (bytes > this.bytes.length - this.position) {
      throw new UserError('the DICOM file is cut off in the middle of an element. Copy it again.');
    }
  }
}

/** A data set, or one item of a sequence. */
export class DicomDataset {
  private constructor(
    private readonly elements: ReadonlyMap<number, Element>,
    readonly encoding: Encoding,
  ) {}

  /** Reads elements while `wanted` holds, up to and with the pixel data; what follows those does not matter here. */
  static read(
    bytes: Uint8Array,
    encoding: Encoding,
    wanted: (tag: number) => boolean = () => true,
  ): { dataset: DicomDataset; end: number } {
    const reader = new Reader(bytes, encoding);
    const elements = new Map<number, Element>();
    while (!reader.atEnd) {
      const start = reader.position;
      const tag = reader.tag();
      if (!wanted(tag)) return { dataset: new DicomDataset(elements, encoding), end: start };
      if (tag === ITEM_END) {
        reader.uint32(); // its length, always 0
        break;
      }
      const element = reader.element(tag, 0);
      if (!elements.has(tag)) elements.set(tag, element);
      if (tag === PIXEL_DATA) break;
    }
    return { dataset: new DicomDataset(elements, encoding), end: reader.position };
  }

  has(tag: number): boolean {
    return (this.elements.get(tag)?.value.length ?? 0) > 0;
  }

  /** The raw value; undefined where the element is absent or empty. */
  bytes(tag: number): Uint8Array | undefined {
    return this.has(tag) ? this.elements.get(tag)?.value : undefined;
  }

  /** Text values (CS, DS, IS, UI, LO), split at the backslash and trimmed; [] where absent. Only ASCII is of use here. */
  strings(tag: number): string[] {
    const value = this.bytes(tag);
    if (value === undefined) return [];
    const text = String.fromCharCode(...value.subarray(0, MAX_TEXT_BYTES));
    return text.split('\\').map((part) => part.replace(/[\0\s]+$/, '').trimStart());
  }

  /** First text value, or null. */
  string(tag: number): string | null {
    return this.strings(tag)[0] ?? null;
  }

  /** Decimal or integer strings; what is no number is NaN. */
  decimals(tag: number): number[] {
    return this.strings(tag).map((text) => (text === '' ? NaN : Number(text)));
  }

  /** 16-bit values (US, SS, OW); with `signed` as two's complement. */
  uint16s(tag: number, signed = false): number[] {
    const value = this.bytes(tag);
    if (value === undefined) return [];
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const little = this.encoding.littleEndian;
    return Array.from({ length: value.length >> 1 }, (_, i) => (signed ? view.getInt16(2 * i, little) : view.getUint16(2 * i, little)));
  }

  uint16(tag: number): number | null {
    return this.uint16s(tag)[0] ?? null;
  }

  /** Items of a sequence; [] where it is absent or empty. */
  items(tag: number): DicomDataset[] {
    const element = this.elements.get(tag);
    if (element === undefined) return [];
    const encoding = element.vr === 'UN' ? IMPLICIT_LITTLE_ENDIAN : this.encoding;
    return splitItems(element.value, encoding, tag).map((bytes) => DicomDataset.read(bytes, encoding).dataset);
  }

  /** Fragments of encapsulated pixel data, the offset table first; undefined where the pixels are stored plainly. */
  fragments(): Uint8Array[] | undefined {
    const element = this.elements.get(PIXEL_DATA);
    return element?.undefinedLength === true ? splitItems(element.value, this.encoding, PIXEL_DATA) : undefined;
  }
}

/** Longer values are cut: what is read as text here has 64 characters at most. */
const MAX_TEXT_BYTES = 1024;

/** The bytes of each item in a sequence's value, or of each fragment. */
function splitItems(value: Uint8Array, encoding: Encoding, owner: number): Uint8Array[] {
  const reader = new Reader(value, encoding);
  const items: Uint8Array[] = [];
  while (!reader.atEnd) {
    const tag = reader.tag();
    const length = reader.uint32();
    if (tag !== ITEM) break;
    if (length !== UNDEFINED_LENGTH) {
      items.push(reader.take(length, owner));
      continue;
    }
    const rest = value.subarray(reader.position);
    const { end } = DicomDataset.read(rest, encoding);
    items.push(rest.subarray(0, end));
    reader.position += end;
  }
  return items;
}
