import { add } from '../autograd/ops/add.js';
import { globalAvgPool2d } from '../autograd/ops/global-pool2d.js';
import { asMap } from '../autograd/ops/map-type.js';
import { maxPool2d } from '../autograd/ops/max-pool2d.js';
import type { Tensor } from '../runtime/tensor.js';
import type { Random } from '../random.js';
import type { PatchClassifier } from './classifier.js';
import { LayerSet, stage, type ArraySpec, type Layer, type Pass } from './layers.js';

type Map2d = Tensor<'NCHW'>;

/** `width` 16 is the published network. */
export interface ResNet22Config {
  readonly inputChannels: number;
  /** Channels of the stem and of the first stage; every stage doubles them. */
  readonly width: number;
  readonly classes: number;
}

const STAGES = 5;
const BLOCKS = 2;

/**
 * ResNet-22 for mammograms (Wu et al. 2019, https://arxiv.org/abs/1903.08297): a 7x7 stem of stride 2, a max-pool of stride 2, five stages of two pre-activation
 * blocks (He et al. 2016) of strides 1-2-2-2-2, batch norm and ReLU, global average pool, linear. Its coarsest map has 1/64 of the input's side.
 */
export function resnet22(config: ResNet22Config): PatchClassifier<ResNet22Config> {
  const layers = new LayerSet();
  const stem = layers.conv('stem', config.inputChannels, config.width, { kernelSize: 7, stride: 2, bias: false });
  const blocks = Array.from({ length: STAGES * BLOCKS }, (_, i) => {
    const [level, j] = [Math.floor(i / BLOCKS), i % BLOCKS];
    const out = config.width * 2 ** level;
    const isFirst = j === 0;
    const name = `stage.${level}.${j}`;
    const inputs = isFirst && level > 0 ? out / 2 : out;
    return { name, layer: block(layers, name, { inputs, out, stride: isFirst && level > 0 ? 2 : 1, isFirst }) };
  });
  const features = config.width * 2 ** (STAGES - 1);
  const last = layers.batchNorm('bn', features);
  const head = layers.linear('fc', features, config.classes);

  const forward = (pass: Pass, image: Map2d): Tensor<'NC'> => {
    const { tape } = pass;
    let x = maxPool2d(tape, stem(pass, asMap(tape, image)), { kernelSize: 3, stride: 2, padding: 1 });
    for (const { name, layer } of blocks) x = stage(pass, name, layer(pass, x));
    return head(pass, globalAvgPool2d(tape, stage(pass, 'bn', last(pass, x, { relu: true }))));
  };
  return { config, layers, forward, stages: [...blocks.map(({ name }) => name), 'bn'], initial, mapStage: `stage.0.${BLOCKS - 1}` };
}

/** He-normal convolutions (fan-out, as He et al. 2015 for deep residual networks), unit batch norms, a head that starts at equal odds. */
function initial({ name, axes, shape }: ArraySpec, random: Random): Float32Array {
  const data = new Float32Array(shape.reduce((product, s) => product * s, 1));
  if (axes !== 'OIHW') return /bn\d?\.weight$|running_var$/.test(name) ? data.fill(1) : data;
  const [out = 1, , height = 1, width = 1] = shape;
  return data.map(() => random.normal(0, Math.sqrt(2 / (out * height * width))));
}

interface BlockWidths {
  readonly inputs: number;
  readonly out: number;
  readonly stride: number;
  /** Of its stage: its shortcut is a 1x1 conv of what the first ReLU gives, that of the others the input itself. */
  readonly isFirst: boolean;
}

/** BN - ReLU - conv - BN - ReLU - conv, and a shortcut. */
function block(layers: LayerSet, name: string, { inputs, out, stride, isFirst }: BlockWidths): Layer {
  const [bn1, bn2] = [layers.batchNorm(`${name}.bn1`, inputs), layers.batchNorm(`${name}.bn2`, out)];
  const conv1 = layers.conv(`${name}.conv1`, inputs, out, { stride, bias: false });
  const conv2 = layers.conv(`${name}.conv2`, out, out, { bias: false });
  const shortcut = isFirst ? layers.conv(`${name}.shortcut`, inputs, out, { kernelSize: 1, stride, bias: false }) : null;
  return (pass, x) => {
    const active = bn1(pass, x, { relu: true });
    const residual = conv2(pass, bn2(pass, conv1(pass, active), { relu: true }));
    return add(pass.tape, [residual, shortcut ? shortcut(pass, active) : x]);
  };
}
