// One engine of a comparison as a child process that answers line by line; bench/peers/README.md has the protocol.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface PeerCommand {
  readonly name: string;
  /** Program and arguments before those of the protocol. */
  readonly command: readonly string[];
}

/** One line of an answer; which fields it has depends on the question. */
export interface PeerReply {
  readonly op?: string;
  readonly ms?: number;
  readonly firstMs?: number;
  readonly gpuBytesPeak?: number | null;
  readonly error?: string;
  readonly done?: boolean;
  readonly version?: string | null;
  readonly adapter?: string | null;
}

/** Lines of the error output that are kept to explain an early end. */
const KEPT_LINES = 6;

/** Starts with its first question unasked: every answer is awaited by `next`. Failures are answers too, with `error`. */
export class PeerProcess {
  private readonly child: ChildProcess;
  private readonly replies: PeerReply[] = [];
  private readonly complaints: string[] = [];
  private ended: string | undefined;
  private wake: (() => void) | undefined;

  constructor(
    { command: [program = '', ...first] }: PeerCommand,
    args: readonly string[],
    private readonly timeoutMs: number,
  ) {
    this.child = spawn(program, [...first, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdin?.on('error', () => undefined); // a child that is gone says so by its exit
    this.child.on('error', (error) => {
      this.end(error.message);
    });
    const { stdout, stderr } = this.child;
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.take(line));
    if (stderr) createInterface({ input: stderr }).on('line', (line) => this.complain(line));
    this.child.on('close', (code, signal) => {
      const words = this.complaints.join(' | ') || 'it said nothing';
      this.end(`it ended (${signal ?? `exit code ${code}`}): ${words}`);
    });
  }

  /** Whether it may still answer. */
  get alive(): boolean {
    return this.ended === undefined || this.replies.length > 0;
  }

  ask(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** The next answer; an `error` where there will be none. */
  async next(): Promise<PeerReply> {
    const until = Date.now() + this.timeoutMs;
    for (;;) {
      const reply = this.replies.shift();
      if (reply) return reply;
      if (this.ended !== undefined) return { error: this.ended };
      const left = until - Date.now();
      if (left <= 0) {
        this.stop(`no answer in ${Math.round(this.timeoutMs / 1000)} s`);
        continue;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Until the process is gone; one that does not go is ended. */
  async close(): Promise<void> {
    this.child.stdin?.end();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(timer);
  }

  private stop(why: string): void {
    this.end(why);
    this.child.kill('SIGKILL');
  }

  private end(why: string): void {
    this.ended ??= why;
    this.wake?.();
  }

  private take(line: string): void {
    if (line.trim() === '') return;
    try {
      this.replies.push(JSON.parse(line) as PeerReply);
    } catch {
      this.complain(line);
    }
    this.wake?.();
  }

  private complain(line: string): void {
    if (line.trim() === '' || line.startsWith('Warning: ')) return;
    this.complaints.push(line.trim());
    if (this.complaints.length > KEPT_LINES) this.complaints.shift();
  }
}
