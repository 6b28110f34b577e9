// Writes ONNX model files: the few messages of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) that a feed-forward
// network needs, as protocol-buffer bytes. Numbers passed to `field` are those of the .proto file.

/** @typedef {import('./safetensors.mjs').Tensor} Tensor */
/** @typedef {string | number | readonly number[]} Attribute text, an integer, or integers */

const IR_VERSION = 8;
const OPSET = 17;
const FLOAT = 1; // TensorProto.DataType
const INT64 = 7;
const VARINT = 0; // wire types
const BYTES = 2;

/** @param {number} value a non-negative integer */
function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Buffer.from([...bytes, value]);
}

/** @param {number} number @param {number | string | Uint8Array} value */
function field(number, value) {
  if (typeof value === 'number') return Buffer.concat([varint(8 * number + VARINT), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(8 * number + BYTES), varint(bytes.length), bytes]);
}

/** @param {string} name @param {Attribute} value */
function attribute(name, value) {
  const typed =
    typeof value === 'string'
      ? [field(4, value), field(20, 3)]
      : typeof value === 'number'
        ? [field(3, value), field(20, 2)]
        : [...value.map((v) => field(8, v)), field(20, 7)];
  return field(5, Buffer.concat([field(1, name), ...typed]));
}

/** @param {string} name @param {readonly number[]} shape @param {number} type @param {Uint8Array} data */
function tensorProto(name, shape, type, data) {
  return Buffer.concat([...shape.map((side) => field(1, side)), field(2, type), field(8, name), field(9, data)]);
}

/** A float value of a graph; results need no shape. @param {string} name @param {readonly number[]} [shape] */
function valueInfo(name, shape) {
  const dimensions = shape ? field(2, Buffer.concat(shape.map((side) => field(1, field(1, side))))) : Buffer.alloc(0);
  return Buffer.concat([field(1, name), field(2, field(1, Buffer.concat([field(1, FLOAT), dimensions])))]);
}

/** Collects nodes and constants; values are known by their names. */
export class OnnxGraph {
  /** @type {Buffer[]} */
  #parts = [];
  #count = 0;

  /** @param {string} name @param {readonly number[]} shape */
  input(name, shape) {
    this.#parts.push(field(11, valueInfo(name, shape)));
    return name;
  }

  /** @param {string} name */
  output(name) {
    this.#parts.push(field(12, valueInfo(name)));
  }

  /** @param {string} name @param {Tensor} tensor */
  constant(name, { shape, data }) {
    this.#parts.push(field(5, tensorProto(name, shape, FLOAT, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))));
    return name;
  }

  /** A vector of integers, as `Slice` wants them. @param {readonly number[]} values */
  integers(values) {
    const name = `integers.${this.#count++}`;
    this.#parts.push(field(5, tensorProto(name, [values.length], INT64, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))));
    return name;
  }

  /**
   * Adds a node with one result and returns the result's name.
   * @param {string} type
   * @param {readonly string[]} inputs an empty name leaves an optional input out
   * @param {Readonly<Record<string, Attribute>>} [attributes]
   * @param {string} [name]
   */
  node(type, inputs, attributes = {}, name = `${type}.${this.#count++}`) {
    const parts = [...inputs.map((input) => field(1, input)), field(2, name), field(3, name), field(4, type)];
    this.#parts.push(field(1, Buffer.concat([...parts, ...Object.entries(attributes).map(([key, value]) => attribute(key, value))])));
    return name;
  }

  /** The bytes of the model file. */
  model() {
    const graph = Buffer.concat([...this.#parts, field(2, 'mcgpu-bench')]);
    return Buffer.concat([field(1, IR_VERSION), field(7, graph), field(8, Buffer.concat([field(1, ''), field(2, OPSET)]))]);
  }
}
