import { describe, expect, it } from 'vitest';
import { gradCam } from '../../src/model/grad-cam.js';
import { COMPACT } from '../../src/model/config.js';
import { initialArrays } from '../../src/model/init.js';
import { Network } from '../../src/model/network.js';
import { resnet22 } from '../../src/model/resnet22.js';
import { classifierOf, unet3plus } from '../../src/model/unet3plus.js';
import { Random } from '../../src/random.js';
import { describeGolden, loadGolden } from '../support/golden.js';
import { arraysBelow, goldenTensor } from '../support/golden-model.js';
import { testDevice } from '../support/gpu.js';

const device = await testDevice();

describeGolden('Grad-CAM equals PyTorch', () => {
  const golden = loadGolden('models/resnet22');
  const { width, classes, gradCamClass } = golden.params as { width: number; classes: number; gradCamClass: number };
  const network = new Network(device, resnet22({ inputChannels: 1, width, classes }), 'infer');
  network.load(arraysBelow(golden, 'param.'));

  it.each([
    ['the last block', 'block', 'stage.4.1'],
    ['the map that is pooled', 'final', 'bn'],
  ])('at %s', async (_, part, stage) => {
    const found = await gradCam(network, goldenTensor(device, golden, 'in.x', 'NCHW'), { stage, classIndex: gradCamClass });
    golden.expectClose('out.eval.logits', found.logits);
    golden.expectClose(`gradcam.${part}.weights`, found.weights);
    golden.expectClose(`gradcam.${part}.small`, found.small);
    golden.expectClose(`gradcam.${part}.map`, found.map);
  });
});

describe('Grad-CAM', () => {
  const model = classifierOf(unet3plus(COMPACT));
  const arrays = initialArrays(unet3plus(COMPACT), 1);
  const random = new Random(9);
  // Class heads start at 0, and with them every explanation.
  for (const [name, values] of arrays)
    if (name.startsWith('class.'))
      arrays.set(
        name,
        values.map(() => random.normal()),
      );
  const network = new Network(device, model, 'infer');
  network.load(arrays);
  const [height, width] = [48, 64];
  const pixels = Float32Array.from({ length: height * width }, () => random.normal());
  const x = device.tensor('NCHW', [1, 1, height, width], pixels);

  it.each(model.stages)('of the class heads of the compact UNet3+ at %s', async (stage) => {
    const { map, small, height: rows, logits } = await gradCam(network, x, { stage, classIndex: 2 });
    const scale = 2 ** Number(stage.slice(-1));
    expect(rows).toBe(height / scale);
    expect(map).toHaveLength(height * width);
    expect(Math.max(...small)).toBeGreaterThan(0);
    expect(logits).toHaveLength(3);
  });

  it('names the layers that exist where one does not', async () => {
    await expect(gradCam(network, x, { stage: 'conv9', classIndex: 0 })).rejects.toThrow(
      /no layer 'conv9'.*expected one of enc\.0, .*dec\.0/,
    );
  });

  it('refuses a network without classes', async () => {
    const config = { ...COMPACT, classes: 0 };
    const plain = new Network(device, classifierOf(unet3plus(config)), 'infer');
    plain.load(initialArrays(unet3plus(config), 1));
    await expect(gradCam(plain, x, { stage: 'dec.0', classIndex: 0 })).rejects.toThrow(/no class heads/);
  });
});
