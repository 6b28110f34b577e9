// What every WebGPU must do alike. It is bundled by Vite and run by Node, Deno and a browser, so it imports nothing of Node.
import { relu } from '../../src/autograd/ops/relu.js';
import { Tape } from '../../src/autograd/tape.js';
import { openDevice } from '../../src/runtime/device.js';
import { Recorder } from '../../src/runtime/recorder.js';

export interface PortableResult {
  readonly adapter: string;
  readonly losses: readonly number[];
}

export async function runPortable(gpu: GPU): Promise<PortableResult> {
  const device = await openDevice(gpu);
  try {
    const tape = new Tape(new Recorder(device), { grad: false });
    const x = device.tensor('NCHW', [1, 1, 2, 5], [1, -2, 3, -4, 5, -6, 7, -8, 9, 10]);
    const y = relu(tape, x);
    tape.recorder.keep(y);
    const program = await tape.recorder.compile();
    program.run();
    const { vendor, architecture, description } = device.adapter;
    return { adapter: description || `${vendor} ${architecture}`, losses: [...(await device.read(y))].map((v) => v + 1) };
  } finally {
    device.destroy();
  }
}
