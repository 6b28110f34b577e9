/**
 * Bad input or wrong use: the message says what was found, what was expected, and then the repair.
 * The command line prints it without a stack and exits with 1; every other error is a bug.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}
