/** Runs a job that stops cleanly at the first Ctrl-C or SIGTERM; a second Ctrl-C does not wait for it. */
export async function stopOnInterrupt(job: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    process.stderr.write('\nstopping after this step; press Ctrl-C again to stop at once, without a checkpoint\n');
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    await job(stop.signal);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
