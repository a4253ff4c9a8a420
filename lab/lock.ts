import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { LabError } from "./processes";

/**
 * Does something while nobody else does it for the same directory. The lock is a name in the kernel (unix(7), abstract sockets), so that it ends with the process
 * that has it, however that ends, and nothing stale is ever left.
 *
 * @throws LabError where another process has it
 */
export async function withLock<T>(directory: string, action: () => Promise<T>): Promise<T> {
  const name = createHash("sha256").update(resolve(directory)).digest("hex");
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      fail(
        error.code === "EADDRINUSE"
          ? new LabError(`Another process starts or ends the lab in ${directory}: wait until it is done`)
          : error,
      ),
    );
    server.listen(`\0zero-trust-lab-${name}`, done);
  });
  try {
    return await action();
  } finally {
    server.close();
  }
}
