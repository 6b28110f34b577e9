// PyTorch on the CPU: finds a Python that has torch and hands the process over to it.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { servePeer } from '../lib/protocol.mjs';

// Debian's python3-torch belongs to /usr/bin/python3, which need not be the first on the path.
const CANDIDATES = [process.env.PYTHON, 'python3', '/usr/bin/python3', '/usr/local/bin/python3', '/opt/homebrew/bin/python3', 'python'];

const args = process.argv.slice(2);
const python = CANDIDATES.find((name) => name && spawnSync(name, ['-c', 'import numpy, torch'], { stdio: 'ignore' }).status === 0);
if (python) {
  const script = fileURLToPath(new URL('pytorch.py', import.meta.url));
  const child = spawn(python, [script, ...args], { stdio: 'inherit' });
  child.on('exit', (code) => (process.exitCode = code ?? 1));
} else {
  await servePeer(args, () => {
    throw new Error('No Python with torch and numpy (Debian: python3-torch); set PYTHON to one that has them.');
  });
}
