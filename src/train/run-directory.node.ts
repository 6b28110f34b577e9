// The folder of a training run: which files it holds, when it may be used, and its record of what was run where.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { UserError } from '../errors.js';
import { explainFileError, makeFolder, readWholeFile, writeFileAtomic } from '../files.node.js';
import type { LogPaths } from './logs.node.js';

/** Every path inside a run. */
export interface RunDirectory extends LogPaths {
  readonly root: string;
  readonly config: string;
  readonly last: string;
  readonly best: string;
  readonly model: string;
  readonly runInfo: string;
}

export type RunMode = 'new' | 'resume' | 'overwrite';

function runPaths(root: string): RunDirectory {
  const at = (...parts: string[]): string => join(root, ...parts);
  return {
    root,
    config: at('config.yaml'),
    metrics: at('metrics.ndjson'),
    results: at('results.csv'),
    tensorboard: at('tensorboard'),
    progress: at('progress.svg'),
    last: at('checkpoints', 'last.safetensors'),
    best: at('checkpoints', 'best.safetensors'),
    model: at('model.safetensors'),
    runInfo: at('run.json'),
  };
}

/**
 * Refuses a folder that cannot be used, and changes nothing.
 *
 * - `new`: it must not exist or be empty;
 * - `resume`: it must hold a last checkpoint;
 * - `overwrite`: it must be a run, or not exist: the files of the run are to be removed, and nothing else.
 *
 * @throws UserError
 */
export async function checkRunDirectory(root: string, mode: RunMode): Promise<RunDirectory> {
  const run = runPaths(root);
  const names = await listFolder(root);
  if (mode === 'resume') {
    if (!existsSync(run.last))
      throw new UserError(`${root}: no checkpoint to resume from, expected ${run.last}. Start the run without --resume.`);
    return run;
  }
  if (names.length > 0 && mode === 'new')
    throw new UserError(`${root}: this folder is not empty. Use --resume to go on, --overwrite to start anew, or another --out.`);
  if (names.length > 0 && !existsSync(run.runInfo))
    throw new UserError(`${root}: not a training run (no run.json), so --overwrite does not touch it. Use another --out.`);
  return run;
}

/** Prepares the folder of a run, after the same checks: makes it, and for `overwrite` removes the run that is there. @throws UserError */
export async function openRunDirectory(root: string, mode: RunMode): Promise<RunDirectory> {
  const run = await checkRunDirectory(root, mode);
  if (mode === 'overwrite') await removeRun(run);
  await makeFolder(join(root, 'checkpoints'));
  return run;
}

/** Names in a folder; none where it does not exist. */
async function listFolder(root: string): Promise<string[]> {
  try {
    return await readdir(root);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw explainFileError(error, root, 'write');
  }
}

/** run.json goes last: until then an interrupted removal can be repeated. */
async function removeRun({ root, config, metrics, results, tensorboard, progress, model, runInfo }: RunDirectory): Promise<void> {
  try {
    for (const path of [join(root, 'checkpoints'), tensorboard, metrics, results, progress, model, config, runInfo]) {
      await rm(path, { recursive: true, force: true });
    }
  } catch (error) {
    throw explainFileError(error, root, 'write');
  }
}

/** What run.json tells: enough to repeat the run, nothing about the person or the machine beside the adapter. */
export interface RunInfo {
  readonly schema: 'mcgpu.run/1';
  readonly notice: 'Research use only - not a medical device';
  readonly mcgpu: string;
  readonly node: string;
  readonly platform: string;
  /** Commit of mcgpu, with `+` where files were changed since; null outside a git checkout. */
  readonly commit: string | null;
  readonly seed: number;
  readonly configHash: string;
  readonly dataHash: string;
  /** sha256 of the model file whose weights it began with; null: random ones from the seed. */
  readonly startedFrom: string | null;
  /** One entry per start: 0 first, then the step of each resume. */
  readonly starts: readonly RunStart[];
}

interface RunStart {
  readonly step: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly adapter: string;
  /** Which table of kernel choices was in use; null without one. */
  readonly tuning: string | null;
}

/**
 * Writes run.json; on resume the starts before are kept, and what the run began with.
 *
 * @param step where this start begins, 0 for a new run
 */
export async function writeRunInfo(
  run: RunDirectory,
  {
    step,
    adapter,
    tuning,
    startedFrom,
    ...hashes
  }: Pick<RunInfo, 'seed' | 'configHash' | 'dataHash' | 'startedFrom'> & Omit<RunStart, 'time'>,
): Promise<RunInfo> {
  const before = step > 0 ? await readRunInfo(run.runInfo) : null;
  const info: RunInfo = {
    schema: 'mcgpu.run/1',
    notice: 'Research use only - not a medical device',
    mcgpu: await packageVersion(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    commit: await currentCommit(),
    ...hashes,
    startedFrom: before ? (before.startedFrom ?? null) : startedFrom,
    starts: [...(before?.starts ?? []), { step, time: new Date().toISOString(), adapter, tuning }],
  };
  await writeFileAtomic(run.runInfo, `${JSON.stringify(info, null, 2)}\n`);
  return info;
}

/** Runs written before there was `startedFrom` lack it. */
async function readRunInfo(path: string): Promise<Pick<RunInfo, 'starts'> & Partial<RunInfo>> {
  const text = new TextDecoder().decode(await readWholeFile(path));
  try {
    return JSON.parse(text) as RunInfo;
  } catch {
    throw new UserError(`${path} is not valid JSON. Restore it from a copy, or start the run anew with --overwrite.`);
  }
}

const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url)); // the same from src/train and dist/train

async function packageVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** The commit of mcgpu's own checkout; null where it was installed from a package or git is absent. */
export async function currentCommit(): Promise<string | null> {
  if (!existsSync(join(PACKAGE_ROOT, '.git'))) return null;
  const git = async (...args: string[]): Promise<string> => (await promisify(execFile)('git', args, { cwd: PACKAGE_ROOT })).stdout.trim();
  try {
    const changed = await git('status', '--porcelain', '--untracked-files=no');
    return (await git('rev-parse', 'HEAD')) + (changed ? '+' : '');
  } catch {
    return null;
  }
}
