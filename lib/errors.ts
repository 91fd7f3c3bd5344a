// Errors meant for the user: one sentence that names the layer, the shapes or the file and byte, and the fix.

export type ErrorCode =
  | 'shape' // tensors, layers or options do not fit together
  | 'option' // an option has a value that is not allowed
  | 'data' // a data set or batch is wrong
  | 'file' // a file cannot be read, written or understood
  | 'state' // the call is not possible now
  | 'diverged' // a loss or parameter is no longer finite
  | 'native'; // the native addon could not be loaded or refused a plan

export class LanewiseError extends Error {
  override readonly name = 'LanewiseError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
