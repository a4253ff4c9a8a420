import { RunError } from "@pulumi/pulumi";

/**
 * An error that the CLI shows as its message alone. Without its stack, which nobody sees, but which the SDK formats in colour: on Node 20 that takes half
 * a minute where a frame is under node_modules/@pulumi.
 */
export function userError(message: string): RunError {
  const error = new RunError(message);
  error.stack = "";
  return error;
}
