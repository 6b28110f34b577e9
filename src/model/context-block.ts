import { avgPool2d } from '../autograd/ops/avg-pool2d.js';
import { concat, sideBySide } from '../autograd/ops/concat.js';
import type { ContextConfig } from './config.js';
import type { Layer, LayerSet } from './layers.js';

/**
 * Parallel dilated convs and an average over a fixed window, fused by a 1x1 conv to `channels` again. The window is fixed, never
 * the whole tile, so that tiled and untiled inference agree.
 */
export function contextBlock(layers: LayerSet, channels: number, config: ContextConfig): Layer {
  const dilated = config.dilations.map((dilation, i) =>
    layers.convBnRelu(`context.dilated.${i}.conv`, `context.dilated.${i}.bn`, channels, config.channels, { dilation }),
  );
  const averaged = layers.convBnRelu('context.window.conv', 'context.window.bn', channels, config.channels, { kernelSize: 1 });
  const parts = config.dilations.length + 1;
  const fuse = layers.convBnRelu('context.fuse.conv', 'context.fuse.bn', parts * config.channels, channels, { kernelSize: 1 });
  return (pass, x) => {
    const mean = avgPool2d(pass.tape, x, { kernelSize: config.window, stride: 1, padding: (config.window - 1) / 2 });
    const size = { height: x.dim('H'), width: x.dim('W') };
    const places = sideBySide(pass.tape, x, Array<number>(parts).fill(config.channels), size);
    const maps = dilated.map((conv, i) => conv(pass, x, { into: places[i] }));
    return fuse(pass, concat(pass.tape, [...maps, averaged(pass, mean, { into: places[parts - 1] })]));
  };
}
