/** How a number is stored: in 32 bits (floats, or the words of masks and codes), or as a float of half precision. */
export type ElementType = 'f32' | 'f16';

const ELEMENT_BYTES = { f32: 4, f16: 2 } as const;

/** Bytes of a buffer for so many numbers: WebGPU binds and copies multiples of 4. */
export function bytesOf(count: number, element: ElementType): number {
  return Math.ceil((ELEMENT_BYTES[element] * count) / 4) * 4;
}

/**
 * A piece of GPU memory known to the recorder. A *persistent* storage owns its buffer from the start (parameters, inputs,
 * results that outlive a run); a *transient* one gets a slot of the memory plan when its program is compiled, and its
 * content is undefined until a dispatch of that program writes it.
 */
export class Storage {
  constructor(
    readonly label: string,
    /** A transient storage may grow while it is recorded. */
    public sizeBytes: number,
    /** Set at once for persistent storages, by the memory plan for transient ones. */
    public buffer: GPUBuffer | undefined,
    readonly persistent: boolean,
    readonly element: ElementType = 'f32',
    /** Of a transient storage that no dispatch writes: what it holds from the start, in a slot of its own. */
    readonly content?: Uint32Array<ArrayBuffer>,
  ) {}
}

/** A range of a storage as a shader binding sees it; `offsetBytes` is a multiple of 256. */
export interface BufferRef {
  readonly storage: Storage;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export function wholeStorage(storage: Storage): BufferRef {
  return { storage, offsetBytes: 0, sizeBytes: storage.sizeBytes };
}
