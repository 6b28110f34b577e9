import type { ElementType } from './storage.js';

/** How a binding is used; read from the WGSL by scripts/build-shaders.ts. */
export type Access = 'read' | 'readWrite' | 'uniform';

export interface ParamField {
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
  readonly offsetBytes: number;
}

/** A part of the joined source and the file it came from, so that an error can point at the .wgsl line. */
export interface SourceSegment {
  readonly file: string;
  readonly firstLine: number;
}

/**
 * One WGSL entry point, embedded and reflected at build time. The type parameters are the names found in the source:
 * a misspelt binding, param or override does not compile.
 */
export interface Shader<
  Bindings extends Record<string, Access> = Record<string, Access>,
  Param extends string = string,
  Override extends string = string,
> {
  readonly name: string;
  readonly source: string;
  readonly segments: readonly SourceSegment[];
  readonly bindings: readonly {
    readonly name: keyof Bindings & string;
    readonly binding: number;
    readonly access: Access;
    /** A feature map or the gradient of one, `array<Map>`: f32, or f16 in the shader's variant. */
    readonly isMap: boolean;
  }[];
  /** The `Params` struct (4-byte scalars) and its binding; null when the shader has none. */
  readonly params: {
    readonly binding: number;
    readonly sizeBytes: number;
    readonly fields: readonly (ParamField & { name: Param })[];
  } | null;
  /** Override constants and their defaults. */
  readonly overrides: Readonly<Record<Override, number>>;
}

const variants = new WeakMap<Shader, Shader>();

/** The shader for maps of this type; lines keep their numbers. */
export function shaderFor(shader: Shader, maps: ElementType): Shader {
  if (maps === 'f32') return shader;
  let variant = variants.get(shader);
  if (!variant) {
    const source = `enable f16; ${shader.source.replace('alias Map = f32;', 'alias Map = f16;')}`;
    variants.set(shader, (variant = { ...shader, name: `${shader.name}F16`, source }));
  }
  return variant;
}

/** Packs params into the layout of the shader's `Params` struct (little-endian, as WebGPU demands). */
export function packParams(shader: Shader, values: Readonly<Record<string, number>>, into: DataView): void {
  for (const field of shader.params?.fields ?? []) {
    const value = values[field.name];
    if (value === undefined) throw new Error(`${shader.name}: param ${field.name} is missing.`);
    if (field.type === 'f32') into.setFloat32(field.offsetBytes, value, true);
    else if (!Number.isInteger(value)) throw new RangeError(`${shader.name}: param ${field.name} = ${value}, expected an integer.`);
    else if (field.type === 'u32') into.setUint32(field.offsetBytes, checkedU32(shader, field.name, value), true);
    else into.setInt32(field.offsetBytes, value, true);
  }
}

function checkedU32(shader: Shader, name: string, value: number): number {
  if (value >= 0 && value < 2 ** 32) return value;
  throw new RangeError(`${shader.name}: param ${name} = ${value} does not fit an unsigned 32-bit integer.`);
}

/** The .wgsl file, and the line in it, of a line of a shader's joined source. */
export function locate(shader: Shader, line: number): { file: string; line: number } {
  const segment = shader.segments.findLast((s) => s.firstLine <= line) ?? { file: shader.name, firstLine: 1 };
  return { file: segment.file, line: line - segment.firstLine + 1 };
}
