/** Whether to colour text on this stream: only for a person at a terminal, and never under NO_COLOR (no-color.org). */
export function useColour(stream: { isTTY?: boolean } = process.stdout, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

const SGR = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** The text in a colour or weight, or as it is where colours are off. */
export function style(how: keyof typeof SGR, text: string, stream: { isTTY?: boolean } = process.stdout): string {
  const [on, off] = SGR[how];
  return useColour(stream) ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}
