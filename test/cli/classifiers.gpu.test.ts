import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { MetricsFile } from '../../src/evaluate/metrics-file.js';
import { readModelFile } from '../../src/model/model-file.node.js';
import { makeInbreast, temporaryFolder, write } from '../data/sets/look-alikes.js';
import { runCommand, type CommandResult } from '../support/command-line.js';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const mammogram = at('inbreast/AllDICOMs/20000001_aaa111_MG_L_CC_ANON.dcm');
const CONFIG = `
synth: { phantom: { textures: 1 }, positiveFraction: 0.5 }
train: { steps: 4, batch: 2, patch: 32, validationPatch: 32, validationPatches: 4, calibrationPatches: 4, warmup: 1, learningRate: 0.01, emaDecay: 0, validateEvery: 4, checkpointEvery: 2, workers: 1 }
`;
const MODELS = {
  resnet22: 'model={architecture: resnet22, width: 2}',
  convnext: 'model={architecture: convnext, depths: [1,1,1,1], widths: [4,4,8,8], stochasticDepth: 0.5}',
};

beforeAll(() => {
  write(folder, 'config.yaml', CONFIG);
  makeInbreast(at('inbreast'));
});

async function succeed(...argv: string[]): Promise<CommandResult> {
  const result = await runCommand(...argv);
  expect(result.code, result.stderr).toBe(0);
  return result;
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

describe.each(Object.keys(MODELS) as (keyof typeof MODELS)[])('mcgpu with a %s', (name) => {
  const run = at(name);
  const model = join(run, 'model.safetensors');
  const config = ['--config', at('config.yaml'), '--set', MODELS[name]];

  it('trains in two goes, and its model file says what it is', async () => {
    await succeed('train', '--data', 'phantom', '--out', run, ...config, '--steps', '2');
    const resumed = await succeed('train', '--data', 'phantom', '--out', run, '--config', join(run, 'config.yaml'), '--resume');
    expect(resumed.stderr + resumed.stdout).toMatch(/model\.safetensors: trained for 4 steps/);
    expect(parse(readFileSync(join(run, 'config.yaml'), 'utf8'))).toMatchObject({ model: { architecture: name } });
    const { stdout } = await succeed('info', model);
    expect(stdout).toMatch(new RegExp(`architecture +${name}\\n`));
    expect(stdout).toMatch(/window +32x32 px/);
  });

  it('detects in a mammogram: findings and maps', async () => {
    const out = at(`${name}-detect`);
    await succeed('detect', mammogram, '--model', model, '--out', out, '--maps');
    const { images, model: said } = readJson(join(out, 'findings.json')) as {
      images: { findings: object[]; mcScore: number }[];
      model: object;
    };
    expect(said).toMatchObject({ architecture: name });
    expect(images[0]!.findings.length).toBeGreaterThan(0);
    expect(images[0]!.mcScore).toBeGreaterThan(0);
    expect(images[0]!.mcScore).toBeLessThan(1);
    const map = readFileSync(join(out, '1-20000001_aaa111_MG_L_CC_ANON-malignant-like.png'));
    expect(map.length).toBeGreaterThan(200);
  });

  it('is evaluated on an annotated set', async () => {
    const out = at(`${name}-evaluate`);
    await succeed('evaluate', '--model', model, '--dataset', 'inbreast', '--data', at('inbreast'), '--out', out, '--replicates', '20');
    const [{ evaluation }] = (readJson(join(out, 'metrics.json')) as MetricsFile).models as [MetricsFile['models'][number]];
    expect(evaluation.images).toBe(5);
    expect(evaluation.objects).toHaveLength(2);
  });

  it('explains an image by the map that it detects with, or another of its own', async () => {
    const out = at(`${name}-explain`);
    const { stdout } = await succeed('explain', mammogram, '--model', model, '--out', out);
    expect(stdout).toMatch(name === 'resnet22' ? /at stage\.0\.1 / : /at stage\.1\.0 /);
    await succeed('explain', mammogram, '--model', model, '--out', out, '--overwrite', '--layer', 'stage.2.0');
    const { code, stderr } = await runCommand('explain', mammogram, '--model', model, '--out', out, '--overwrite', '--layer', 'dec.0');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/no layer 'dec\.0' to explain by, expected one of stage\.0\.0, /)]);
  });

  it('is imported again, and what is of another network is not', async () => {
    const imported = at(`${name}-imported.safetensors`);
    await succeed('import', model, ...config, '--out', imported);
    const [before, after] = [await readModelFile(model), await readModelFile(imported)];
    expect(after.info).toMatchObject({ architecture: name, window: 32, config: before.info.config });
    expect(after.tensors.get('fc.weight')).toEqual(before.tensors.get('fc.weight'));
    const refused = await runCommand('import', model, '--config', at('config.yaml'), '--out', at('none.safetensors'));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/'enc\.0\.conv\.0\.weight' is missing, expected/);
    expect(existsSync(at('none.safetensors'))).toBe(false);
  });

  it('is not what another network begins with', async () => {
    const { code, stderr } = await runCommand(
      'train',
      '--data',
      'phantom',
      '--out',
      at('none'),
      '--config',
      at('config.yaml'),
      '--init',
      model,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`architecture ${name}, expected unet3plus as in the configuration\\. Set model\\.architecture=${name}`),
    );
    expect(existsSync(at('none'))).toBe(false);
  });
});

it('mcgpu experiment compares classifiers in one table', async () => {
  const rows = Object.entries(MODELS).map(([row, model]) => `  - { name: ${row}, config: { ${model.replace('=', ': ')} } }`);
  write(folder, 'compare.yaml', `config:\n${CONFIG.trim().replaceAll(/^/gm, '  ')}\ntest: { patches: 12 }\nruns:\n${rows.join('\n')}\n`);
  await succeed('experiment', at('compare.yaml'), '--data', 'phantom', '--out', at('compare'), '--quiet');
  const table = readFileSync(at('compare/results.md'), 'utf8');
  for (const row of Object.keys(MODELS)) expect(table).toMatch(new RegExp(`^\\| ${row} `, 'm'));
});
