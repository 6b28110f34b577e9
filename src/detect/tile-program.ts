import { asFloats } from '../autograd/ops/map-type.js';
import { sigmoid } from '../autograd/ops/sigmoid.js';
import { Tape } from '../autograd/tape.js';
import { attentionSums } from '../kernels/attention-pool.js';
import type { UNet3PlusConfig } from '../model/config.js';
import type { Network } from '../model/network.js';
import type { Program } from '../runtime/program.js';
import { Recorder } from '../runtime/recorder.js';
import type { ElementType } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import type { PooledSums } from './score.js';

/** What one window of the image gives. */
export interface WindowResult {
  /** Probabilities [channels, height, width]. */
  readonly probabilities: Float32Array;
  /** For every scale, the sums of the class head's attention pooling over the pixels that the mask selects. */
  readonly sums: readonly PooledSums[];
}

interface Recording {
  readonly recorder: Recorder;
  readonly probabilities: Tensor<'NCHW'>;
  readonly sums: readonly Tensor<'NC'>[];
}

interface Inputs {
  readonly image: Tensor<'NCHW'>;
  readonly masks: readonly Tensor<'NCHW'>[];
}

/** Scales whose class head reads the image: none without classes, all levels where each has heads, else the finest. */
export function classScales({ classes, deepSupervision }: UNet3PlusConfig): number {
  return classes === 0 ? 0 : deepSupervision ? LEVEL_COUNT : 1;
}

const LEVEL_COUNT = 5;

/** At most so many bytes hold the params of a dispatch. */
const PARAMS_BYTES = 256;

/** The network recorded for windows of one size. */
export class TileProgram {
  private constructor(
    private readonly network: Network,
    private readonly inputs: Inputs,
    private readonly recording: Recording,
    private readonly program: Program,
  ) {}

  static async create(network: Network, width: number, height: number, precision?: ElementType): Promise<TileProgram> {
    const { device } = network;
    const image = device.tensor('NCHW', [1, 1, height, width], undefined, 'window');
    const masks = Array.from({ length: classScales(network.model.config) }, (_, k) =>
      device.tensor('NCHW', [1, 1, height / 2 ** k, width / 2 ** k], undefined, `mask ${k}`),
    );
    const recording = record(network, { image, masks }, precision);
    const program = await recording.recorder.compile({ label: `inference at ${width}x${height}` });
    return new TileProgram(network, { image, masks }, recording, program);
  }

  /** Bytes that a program for this window would take on the GPU, with its inputs and the copies of results that are read back. */
  static plannedBytes(network: Network, width: number, height: number, precision?: ElementType): number {
    const virtual = new Recorder(network.device);
    const image = virtual.external('NCHW', [1, 1, height, width]);
    const masks = Array.from({ length: classScales(network.model.config) }, (_, k) =>
      virtual.external('NCHW', [1, 1, height / 2 ** k, width / 2 ** k]),
    );
    const inputs = [image, ...masks].reduce((sum, t) => sum + t.sizeBytes, 0);
    const { recorder, probabilities, sums } = record(network, { image, masks }, precision);
    const results = [probabilities, ...sums].reduce((sum, t) => sum + t.sizeBytes, 0);
    return inputs + recorder.plan().peakBytes + results + PARAMS_BYTES * recorder.dispatches.length;
  }

  /** Runs one window: pixels [height, width], and per scale the mask of pixels that count for the class (0 or 1). */
  async run(pixels: Float32Array, masks: readonly Float32Array[]): Promise<WindowResult> {
    const { device } = this.network;
    device.write(this.inputs.image, pixels);
    for (const [k, mask] of this.inputs.masks.entries()) device.write(mask, masks[k] ?? []);
    this.program.run();
    const [probabilities, ...sums] = await Promise.all([this.recording.probabilities, ...this.recording.sums].map((t) => device.read(t)));
    if (!probabilities) throw new Error('tile program: no probabilities were read.');
    return { probabilities, sums: sums.map((s) => ({ weighted: s.slice(0, -1), weight: s.slice(-1) })) };
  }

  destroy(): void {
    this.program.destroy();
    for (const t of [this.inputs.image, ...this.inputs.masks]) {
      if (t.buffer.storage.buffer) this.network.device.destroyBuffer(t.buffer.storage.buffer);
    }
  }
}

function record(network: Network, { image, masks }: Inputs, precision?: ElementType): Recording {
  const recorder = new Recorder(network.device, { maps: precision });
  const tape = new Tape(recorder, { grad: false });
  const outputs = network.model.forward(network.pass(tape), image);
  const probabilities = sigmoid(tape, asFloats(tape, outputs.fused));
  recorder.keep(probabilities);
  const sums = masks.map((mask, k) => {
    const [features, logits] = [outputs.features[k], outputs.heads[k]];
    if (!features || !logits) throw new Error(`tile program: no scale ${k}.`);
    const out = recorder.empty('NC', [1, features.dim('C') + 1], `sums ${k}`);
    attentionSums(recorder, features, logits, mask, out);
    recorder.keep(out);
    return out;
  });
  return { recorder, probabilities, sums };
}
